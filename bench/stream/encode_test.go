// Package stream_test measures package stream beside what Go services use for
// the same work.
package stream_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/apiece/apiece/stream"
)

// null is a ResponseWriter that throws everything away and counts the writes.
type null struct {
	header http.Header
	writes int
}

func (w *null) Header() http.Header         { return w.header }
func (w *null) WriteHeader(int)             {}
func (w *null) Flush()                      {}
func (w *null) Write(p []byte) (int, error) { w.writes++; return len(p), nil }

const eventID, eventName = "184467", "delta"

var payloads = []struct{ name, data string }{
	{"46 B", `{"type":"text-delta","id":"0","delta":"Hello"}`},
	{"9 lines", strings.Repeat("line of some forty bytes of text, more..\n", 8)},
	{"16 KB", strings.Repeat("x", 16<<10)},
}

// An encoder writes one event with id, name and data, and flushes. The first
// one is the floor that the others are compared with.
type encoder struct {
	name string
	make func(w *null) (write func(data string))
}

var encoders = []encoder{floor, kitAppendTo, kitSend, fprintf, gosseMessage}

// floor is what has to be done at least: appends, and a look at each byte.
var floor = encoder{"append by hand", func(w *null) func(string) {
	var buf []byte
	return func(data string) {
		buf = appendByHand(buf[:0], eventID, eventName, data)
		_, _ = w.Write(buf)
		w.Flush()
	}
}}

func appendByHand(b []byte, id, name, data string) []byte {
	b = append(b, "id: "...)
	b = append(b, id...)
	b = append(b, "\nevent: "...)
	b = append(b, name...)
	b = append(b, '\n')
	for {
		b = append(b, "data: "...)
		lf, cr := strings.IndexByte(data, '\n'), strings.IndexByte(data, '\r')
		if lf < 0 && cr < 0 {
			b = append(b, data...)
			return append(b, "\n\n"...)
		}
		end, skip := lf, 1
		if lf < 0 || cr >= 0 && cr < lf {
			end = cr
			if strings.HasPrefix(data[cr+1:], "\n") {
				skip = 2
			}
		}
		b = append(b, data[:end]...)
		b = append(b, '\n')
		data = data[end+skip:]
	}
}

var kitAppendTo = encoder{"kit AppendTo", func(w *null) func(string) {
	var buf []byte
	return func(data string) {
		buf, _ = stream.Event{ID: eventID, Name: eventName, Data: data}.AppendTo(buf[:0])
		_, _ = w.Write(buf)
		w.Flush()
	}
}}

// kitSend does more: the lock, the context and the deadline are in it.
var kitSend = encoder{"kit Stream.Send", func(w *null) func(string) {
	r, err := http.NewRequest("GET", "/", nil)
	if err != nil {
		panic(err)
	}
	s, err := stream.SSE(w, r, stream.Config{})
	if err != nil {
		panic(err)
	}
	return func(data string) { _ = s.Send(stream.Event{ID: eventID, Name: eventName, Data: data}) }
}}

// fprintf is what most services write by hand. It lets a CR through.
var fprintf = encoder{"fmt.Fprintf", func(w *null) func(string) {
	return func(data string) {
		fmt.Fprintf(w, "id: %s\nevent: %s\n", eventID, eventName)
		for _, line := range strings.Split(data, "\n") {
			fmt.Fprintf(w, "data: %s\n", line)
		}
		fmt.Fprint(w, "\n")
		w.Flush()
	}
}}

func BenchmarkEncode(b *testing.B) {
	for _, p := range payloads {
		for _, e := range encoders {
			b.Run(p.name+"/"+e.name, func(b *testing.B) {
				w := &null{header: http.Header{}}
				write := e.make(w)
				write(p.data)
				w.writes = 0
				write(p.data)
				writes := w.writes
				b.ReportAllocs()
				for b.Loop() {
					write(p.data)
				}
				b.ReportMetric(float64(writes), "writes/op")
			})
		}
	}
}
