package hostile_test

import (
	"log/slog"
)

func newNaiveService(log *slog.Logger, count *counters) built { return newKitService(log, count) }
