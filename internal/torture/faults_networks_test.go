package torture_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// A wire is a network between a client and a server, with faults.
type wire struct {
	delay time.Duration // added in each direction
	rate  int           // in bytes a second, each way; 0 is unlimited
	most  int64         // after this many bytes, in both directions together, both ends are reset; 0 is never
}

// over returns a network whose connections go through the wire. It acts as a proxy: it
// accepts a connection, opens one of its own, and passes on the bytes it reads from
// either.
func (w wire) over(n testkit.Network) testkit.Network {
	dial := n.Dial
	n.Dial = func(ctx context.Context) (net.Conn, error) {
		server, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		client, near := testkit.NewLink()
		left := new(atomic.Int64)
		left.Store(w.most)
		var wg sync.WaitGroup
		wg.Go(func() { w.pass(near, server, left) })
		wg.Go(func() { w.pass(server, near, left) })
		go func() {
			wg.Wait()
			near.Close()
			server.Close()
		}()
		return client, nil
	}
	return n
}

// A parcel is data in flight, nil for its end.
type parcel struct {
	data []byte
	due  time.Time
}

func (w wire) pass(from, to net.Conn, left *atomic.Int64) {
	way := make(chan parcel, 64) // the capacity of a link
	done := make(chan struct{})
	go func() {
		defer close(done)
		for p := range way {
			time.Sleep(time.Until(p.due))
			if p.data == nil {
				_ = to.(interface{ CloseWrite() error }).CloseWrite()
			} else if _, err := to.Write(p.data); err != nil {
				from.Close()
			}
		}
	}()
	defer func() { close(way); <-done }()
	free := time.Now() // when the wire has passed on the previous data
	for {
		buf := make([]byte, 1024)
		n, err := from.Read(buf)
		if w.most > 0 && left.Add(int64(-n)) <= 0 {
			reset(from)
			reset(to)
			return
		}
		if free = later(free, time.Now()); w.rate > 0 {
			free = free.Add(time.Duration(n) * time.Second / time.Duration(w.rate))
		}
		if n > 0 {
			way <- parcel{buf[:n], free.Add(w.delay)}
		}
		if err != nil {
			way <- parcel{nil, free.Add(w.delay)}
			return
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// networks are the possible networks between a client and a server.
var networks = []struct {
	name  string
	wire  wire
	right fate
	most  time.Duration // the maximum time of a response
}{
	{"a delay of 100 ms", wire{delay: 100 * time.Millisecond}, whole, 2 * time.Second},
	{"10 kbit/s", wire{rate: 10_000 / 8}, whole, 30 * time.Second},
	{"10 kbit/s and a delay", wire{rate: 10_000 / 8, delay: 100 * time.Millisecond}, whole, 30 * time.Second},
	{"a loss of everything", wire{most: 1}, dropped, time.Second},
	{"a loss in the header", wire{most: 100}, dropped, time.Second},
	{"a loss after 1 kB", wire{most: 1000}, whole | dropped, time.Second},
	{"a loss after 5 kB", wire{most: 5000, delay: 10 * time.Millisecond}, whole | dropped, 2 * time.Second},
	{"a loss after 8 kB", wire{most: 8300}, whole | dropped, time.Second},
}

// TestFaultsOfNetworks puts each network between the clients and each piece.
func TestFaultsOfNetworks(t *testing.T) {
	tidy(t)
	n := 0
	for _, p := range pieces() {
		for _, f := range networks {
			for _, s := range settings {
				right := f.right
				if right&dropped != 0 && p.records > 0 {
					right |= noted
				}
				n++
				trial(t, f.name, &p, s, right, false, func(t *site) answer {
					plain := t.Network
					t.Network = f.wire.over(plain)
					start := time.Now()
					a := t.send(nil, false)
					if took := time.Since(start); took > f.most {
						a.err = tooLong{took}
						a.status = 0
					}
					t.client.CloseIdleConnections()
					t.Network = plain
					return a
				})
			}
		}
	}
	t.Logf("%d exchanges", n)
}

type tooLong struct{ time.Duration }

func (d tooLong) Error() string { return "it took " + d.String() }
