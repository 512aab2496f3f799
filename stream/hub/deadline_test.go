package hub_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// hung is a log whose Append never returns before its deadline.
type hung struct{ backplanetest.Memory }

func (*hung) Append(ctx context.Context, _ string, _ stream.Event) (hub.Position, error) {
	<-ctx.Done()
	return hub.Position{}, ctx.Err()
}

// Publish waits for a backplane up to BackplaneTimeout, or the deadline of its context.
func TestBackplaneTimeout(t *testing.T) {
	for _, tt := range []struct{ set, context, want time.Duration }{
		{0, time.Hour, 5 * time.Second},
		{0, time.Second, time.Second},
		{time.Minute, time.Hour, time.Minute},
		{-1, time.Hour, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(hub.Config{Backplane: new(hung), BackplaneTimeout: tt.set})
			defer h.Shutdown(context.Background())
			ctx, cancel := context.WithTimeout(t.Context(), tt.context)
			defer cancel()
			begun := time.Now()
			_, err := h.Publish(ctx, "t", stream.Event{Data: "x"})
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != tt.want {
				t.Errorf("BackplaneTimeout %v, context %v: Publish = %v after %v, want it to end after %v", tt.set, tt.context, err, took, tt.want)
			}
		})
	}
}
