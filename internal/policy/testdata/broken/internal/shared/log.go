package shared

import (
	"context"
	"log/slog"
	"net/http"
)

const moved = "moved"

func write(ctx context.Context, logger func() *slog.Logger, w http.ResponseWriter) {
	logger().Warn("apiece: allowed", "why", "it has the prefix")
	http.Error(w, "allowed", http.StatusTeapot)

	logger().Warn("shared: no prefix")
	logger().ErrorContext(ctx, moved)
	logger().LogAttrs(ctx, slog.LevelInfo, "two"+" words")
	slog.Info("apiece without a colon")
}
