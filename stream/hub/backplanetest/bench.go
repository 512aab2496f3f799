package backplanetest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/latency"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// Bench measures an implementation with events of 200 bytes, each benchmark on a log of
// its own:
//
//   - append/1 writer and append/4 writers: events per second, and the median and the
//     99th percentile of how long Append takes, with that many writers, each of which has
//     its own connection and waits for Append to return.
//   - deliver: how long it takes from the call of Append until Subscribe delivers the
//     event on another connection, one event after another.
//
// One second for each (-benchtime 1s) is enough. All run on one machine, so that they
// measure the implementation and the server, and no network.
func (s Suite) Bench(b *testing.B) {
	b.Run("append/1 writer", func(b *testing.B) { s.benchAppend(b, 1) })
	b.Run("append/4 writers", func(b *testing.B) { s.benchAppend(b, 4) })
	b.Run("deliver", s.benchDeliver)
}

// benchEvent returns a typical event.
func benchEvent() stream.Event { return stream.Event{Name: "post", Data: strings.Repeat("x", 200)} }

func (s Suite) benchAppend(b *testing.B, writers int) {
	logs := make([]hub.Backplane, writers)
	for i := range logs {
		logs[i] = s.Open(b, b.Name())
		appendTo(b, logs[i], "t", benchEvent()) // connects
	}
	var took latency.Samples
	var wg sync.WaitGroup
	b.ResetTimer()
	begun := time.Now()
	for i, log := range logs {
		wg.Go(func() {
			for n := i; n < b.N; n += writers {
				begun := time.Now()
				if _, err := log.Append(b.Context(), "t", benchEvent()); err != nil {
					b.Error(err)
					return
				}
				took.Since(begun)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "events/s")
	took.Report(b)
}

func (s Suite) benchDeliver(b *testing.B) {
	from, to := s.Open(b, b.Name()), s.Open(b, b.Name())
	after := appendTo(b, from, "t", benchEvent())
	ctx, cancel := context.WithCancel(b.Context())
	delivered, ended := make(chan uint64, 1), make(chan error, 1)
	go func() {
		ended <- to.Subscribe(ctx, after, func(e hub.Entry) { delivered <- e.Seq })
	}()
	appendTo(b, from, "t", benchEvent())
	<-delivered // connected
	var took latency.Samples
	b.ResetTimer()
	for range b.N {
		begun := time.Now()
		at := appendTo(b, from, "t", benchEvent())
		select {
		case seq := <-delivered:
			took.Since(begun)
			if seq != at.Seq {
				b.Fatalf("%d was delivered when %d was due", seq, at.Seq)
			}
		case err := <-ended:
			b.Fatalf("Subscribe = %v", err)
		}
	}
	b.StopTimer()
	took.Report(b)
	cancel()
	<-ended
}
