package stream

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/null"
	"github.com/apiece/apiece/stream"
)

const eventID, eventName = "184467", "delta"

var payloads = []struct{ name, data string }{
	{"Short", `{"type":"text-delta","id":"0","delta":"Hello"}`},
	{"8Lines", strings.TrimSuffix(strings.Repeat("line of some forty bytes of text, more..\n", 8), "\n")},
	{"16KB", strings.Repeat("x", 16<<10)},
}

// An encoder writes one event with id, name and data, and flushes. The first
// one is the floor that the others are compared with.
type encoder struct {
	name   string
	module string
	role   compare.Role
	make   func(w *null.Writer) (write func(data string))
}

var encoders = []encoder{floor, kitAppendTo, kitSend, fprintf, gosseMessage}

// floor is the minimum: appends, and a check of each byte.
var floor = encoder{"append by hand", "", compare.Floor, func(w *null.Writer) func(string) {
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

var kitAppendTo = encoder{"kit AppendTo", "", compare.Kit, func(w *null.Writer) func(string) {
	var buf []byte
	return func(data string) {
		buf, _ = stream.Event{ID: eventID, Name: eventName, Data: data}.AppendTo(buf[:0])
		_, _ = w.Write(buf)
		w.Flush()
	}
}}

// kitSend does more: the lock, the context and the deadline are in it.
var kitSend = encoder{"kit Stream.Send", "", compare.Kit, func(w *null.Writer) func(string) {
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

// fprintf is the usual handwritten code. It does not escape a CR.
var fprintf = encoder{"fmt.Fprintf", "", compare.Rival, func(w *null.Writer) func(string) {
	return func(data string) {
		fmt.Fprintf(w, "id: %s\nevent: %s\n", eventID, eventName)
		for _, line := range strings.Split(data, "\n") {
			fmt.Fprintf(w, "data: %s\n", line)
		}
		fmt.Fprint(w, "\n")
		w.Flush()
	}
}}

func encodings() (all []compare.Comparison) {
	for _, p := range payloads {
		c := compare.Comparison{
			Name: "Encode" + p.name, Text: fmt.Sprintf("an event with an id, a name and %d bytes of data", len(p.data)), Unit: "event",
			Want: fmt.Sprintf("%s %s %q\n", eventID, eventName, p.data),
		}
		for _, e := range encoders {
			c.Contenders = append(c.Contenders, compare.Contender{Name: e.name, Role: e.role, Module: e.module, Start: func(run *compare.Run) func() {
				w := null.NewWriter()
				write := e.make(w)
				w.Reset()
				run.Answer(func() string {
					w.Kept = new(bytes.Buffer)
					write(p.data)
					run.Metric("writes/event", float64(w.Writes))
					text := w.Kept
					w.Kept = nil
					return said(text, true)
				})
				return func() { write(p.data) }
			}})
		}
		all = append(all, c)
	}
	return all
}

// said returns the events in a text.
func said(text io.Reader, ids bool) string {
	var out strings.Builder
	for e, err := range stream.NewReader(text).All() {
		if err != nil {
			fmt.Fprintln(&out, err)
			break
		}
		if e.Data == "" {
			continue // a heartbeat, or the beginning
		}
		if ids {
			fmt.Fprintf(&out, "%s ", e.ID)
		}
		fmt.Fprintf(&out, "%s %q\n", e.Name, e.Data)
	}
	return out.String()
}
