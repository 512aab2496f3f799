package backplanetest_test

import (
	"context"
	"fmt"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// Two hubs share a log, as in two processes.
func ExampleMemory() {
	var log backplanetest.Memory
	one := hub.New(hub.Config{Backplane: &log})
	two := hub.New(hub.Config{Backplane: &log})
	defer one.Shutdown(context.Background())
	defer two.Shutdown(context.Background())

	one.Publish(context.Background(), "posts", stream.Event{Data: "first"})
	two.Publish(context.Background(), "posts", stream.Event{Data: "second"})

	last, _, err := log.Bounds(context.Background())
	fmt.Println(last.Seq, err)
	// Output: 2 <nil>
}
