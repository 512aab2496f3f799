package stream_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
)

// FuzzEvent: no event writes more than one event, or a field that is not set.
func FuzzEvent(f *testing.F) {
	f.Add("1", "tick", "a\r\n\r\nevent: evil", int64(1500), "c\rdata: evil")
	f.Add("", "", "\n", int64(0), "")
	f.Add("a\x00", "", "x", int64(-1), "")
	f.Fuzz(func(t *testing.T, id, name, data string, retry int64, comment string) {
		e := stream.Event{ID: id, Name: name, Data: data, Retry: time.Duration(retry), Comment: comment}
		wire, err := e.AppendTo([]byte("before"))
		if !bytes.HasPrefix(wire, []byte("before")) {
			t.Fatalf("%q does not begin with what was there", wire)
		}
		wire = wire[len("before"):]
		if err != nil {
			if len(wire) != 0 {
				t.Fatalf("%q beside %v", wire, err)
			}
			return
		}
		r := stream.NewReader(bytes.NewReader(wire))
		r.EventLimit = -1
		var comments []string
		r.OnComment = func(text string) { comments = append(comments, text) }
		var events []stream.Event
		for got, err := range r.All() {
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, got)
		}
		lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace
		valid := utf8.ValidString(id) && utf8.ValidString(name) && utf8.ValidString(data) && utf8.ValidString(comment)
		var want []stream.Event
		if name != "" || data != "" {
			want = []stream.Event{{ID: id, Name: name, Data: lines(data)}}
		}
		if len(events) != len(want) || valid && len(want) == 1 && events[0] != want[0] {
			t.Errorf("%q reads as %+v, want %+v", wire, events, want)
		}
		if valid && (r.LastEventID() != id || strings.Join(comments, "\n") != lines(comment)) {
			t.Errorf("%q reads with id %q and comments %q", wire, r.LastEventID(), comments)
		}
		if ms := r.Retry(); (retry > 0) != (ms > 0) || ms < e.Retry && ms != 0 {
			t.Errorf("%q reads with retry %v, want %v or a little more", wire, ms, e.Retry)
		}
	})
}

func TestEventAppendToIsLinear(t *testing.T) {
	// Text of one kind of line break must not be searched for the other at each
	// line: a megabyte would take minutes.
	for _, unit := range []string{"\r", "\n", "\r\n", "\n\r", "a\r"} {
		text := strings.Repeat(unit, 1<<20/len(unit))
		wire, err := stream.Encode(stream.Event{Data: text})
		if err != nil || len(wire) < len(text) {
			t.Errorf("%q: %d bytes, %v", unit, len(wire), err)
		}
	}
}

func TestEventAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	e := stream.Event{ID: "184467", Name: "delta", Data: "one\ntwo\r\nthree", Retry: time.Second, Comment: "c"}
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { buf, _ = e.AppendTo(buf[:0]) }); n != 0 {
		t.Errorf("AppendTo: %v allocations", n)
	}
	w := &discard{}
	s, err := stream.SSE(w, get("/"), stream.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { s.Send(e) }); n != 0 {
		t.Errorf("Send: %v allocations", n)
	}
	before := w.writes
	s.Send(e, e)
	if n := w.writes - before; n != 1 {
		t.Errorf("%d writes for two events, want 1", n)
	}
}
