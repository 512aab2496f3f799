package redis

import "log/slog"

func write() { slog.Debug("redis: no prefix") }
