package hub_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// shard returns which of n logs the room is in, by rendezvous hashing: an added log takes
// its share of the rooms from all, and no other room moves. Processes must agree about n,
// and logs keep their numbers.
func shard(room string, n int) (at int) {
	var best uint64
	for i := range n {
		sum := sha256.Sum256([]byte(strconv.Itoa(i) + " " + room))
		if score := binary.BigEndian.Uint64(sum[:]); score >= best {
			best, at = score, i
		}
	}
	return at
}

// More events than one log carries, or than each process should read, go to several logs,
// with a hub for each. An id is a place in one log, so all the topics of a subscription,
// here those of a room, must be in the same log.
func Example_shards() {
	hubs := make([]*hub.Hub, 3)
	for i := range hubs {
		hubs[i] = hub.New(hub.Config{Backplane: new(backplanetest.Memory)}) // in a service, the log with that number
		defer hubs[i].Shutdown(context.Background())
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		room := r.FormValue("room")
		topics := []string{room + "/messages", room + "/typing"}
		_ = hubs[shard(room, len(hubs))].Serve(w, r, hub.Subscription{Topics: topics, History: -1})
	})
	for _, room := range []string{"blue", "green"} {
		_, err := hubs[shard(room, len(hubs))].Publish(context.Background(), room+"/messages", stream.Event{Data: "hello, " + room})
		fmt.Println(room, "is in log", shard(room, len(hubs)), err)
	}
	for event := range events(handler, "/?room=green", 1) {
		fmt.Println(event.Data)
	}

	moved := 0
	for i := range 1000 {
		if room := strconv.Itoa(i); shard(room, 4) != shard(room, 3) {
			moved++
		}
	}
	fmt.Println("with a fourth log", moved, "of 1000 rooms move")
	// Output:
	// blue is in log 0 <nil>
	// green is in log 2 <nil>
	// hello, green
	// with a fourth log 245 of 1000 rooms move
}
