package stream

import (
	"bufio"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/bench/internal/compare"
)

// stalled has one client that never reads beside one that does.
var stalled = compare.Finding{
	Name: "Stalled",
	Text: "600 events of 32 KB over the loopback interface, to one client that reads and one that never does: how far do the publisher " +
		"and the healthy client come, until nothing has moved for a second and a half?",
	Find: func(short bool) (compare.Table, error) {
		table := compare.Table{Columns: []string{"broker", "published", "received by the healthy client"}, Values: map[string]float64{}}
		for _, b := range brokers {
			if b.role == compare.Floor || short && b.role != compare.Kit {
				continue // the others wait for what never comes
			}
			published, received, err := beside(b.make())
			if err != nil {
				return table, err
			}
			table.Row(b.name, fmt.Sprintf("%d of %d", published, events), fmt.Sprintf("%d of %d", received, events))
			table.Values[b.name+" published"] = float64(published)
			table.Values[b.name+" received"] = float64(received)
			if b.role == compare.Kit && (published < events || received < events) {
				return table, fmt.Errorf("%s: %d published, %d received", b.name, published, received)
			}
		}
		return table, nil
	},
}

const events = 600

// beside returns how many events were published, and how many a client got beside one that stalls.
func beside(i instance) (published, received int64, err error) {
	server := httptest.NewServer(i)
	defer server.CloseClientConnections() // the handlers of some never return, so that Close would wait
	var conns [2]net.Conn
	for n := range conns {
		conns[n], err = net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			return 0, 0, err
		}
		defer conns[n].Close()
		fmt.Fprintf(conns[n], "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	var sent, got atomic.Int64
	go func() {
		r := bufio.NewReaderSize(conns[1], 1<<16)
		for {
			line, err := r.ReadSlice('\n')
			switch {
			case err == nil && strings.HasPrefix(string(line), "data: "):
				got.Add(1)
			case err != nil && err != bufio.ErrBufferFull:
				return
			}
		}
	}()
	time.Sleep(100 * time.Millisecond) // for both to be there
	go func() {
		data := strings.Repeat("x", 32<<10)
		for range events {
			i.publish(data)
			sent.Add(1)
			time.Sleep(time.Millisecond)
		}
	}()
	for moved := time.Now(); time.Since(moved) < 1500*time.Millisecond && sent.Load()+got.Load() < 2*events; {
		before := sent.Load() + got.Load()
		time.Sleep(10 * time.Millisecond)
		if sent.Load()+got.Load() != before {
			moved = time.Now()
		}
	}
	return sent.Load(), got.Load(), nil
}
