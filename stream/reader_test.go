package stream_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/stream"
)

func TestReaderLimit(t *testing.T) {
	tests := []struct {
		max   bytesize.Size
		input string
		want  string // data of the events, separated by commas
		over  bool
		why   string
	}{
		{10, "data: 1234\n\ndata: x\n\n", "1234,x", false, "a line of exactly the limit"},
		{10, "data: 12345\n\n", "", true, "a line that is longer"},
		{10, "data: ok\n\n: a long comment\n\n", "ok", true, "comments are lines"},
		{10, "data: 12\ndata: 34\ndata: 56\n\n", "12\n34\n56", false, "each line is within, and so is the data"},
		{10, "data: 1234\ndata: 5678\ndata: 9\n\n", "", true, "the lines are within, the data is not"},
		{10, "data: 12345 and no end", "", true, "it need not be complete to be too long"},
		{10, strings.Repeat(":\n\n", 100) + "data: x\n\n", "x", false, "many heartbeats are no long event"},
		{0, "data: " + strings.Repeat("x", 1<<20) + "\n\n", "", true, "the default is 1 MB"},
		{-1, "data: " + strings.Repeat("x", 1<<20) + "\n\n", strings.Repeat("x", 1<<20), false, "no limit"},
	}
	for _, tt := range tests {
		for name, src := range map[string]io.Reader{
			"whole":   strings.NewReader(tt.input),
			"by byte": iotest.OneByteReader(strings.NewReader(tt.input)),
		} {
			r := stream.NewReader(src)
			r.EventLimit = tt.max
			var got []string
			var err error
			for e, e2 := range r.All() {
				if err = e2; err == nil {
					got = append(got, e.Data)
				}
			}
			if text := strings.Join(got, ","); text != tt.want {
				t.Errorf("%s, %s: %.60q, want %.60q", tt.why, name, text, tt.want)
			}
			var over *stream.TooLargeError
			if errors.As(err, &over) != tt.over {
				t.Errorf("%s, %s: error %v, want a TooLargeError: %t", tt.why, name, err, tt.over)
			}
			for _, err := range r.All() {
				if !tt.over || !errors.As(err, &over) {
					t.Errorf("%s, %s: going on gives %v", tt.why, name, err)
				}
			}
		}
	}
}

func TestReaderErrors(t *testing.T) {
	boom := errors.New("boom")
	r := stream.NewReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n\ndata: c"), iotest.ErrReader(boom)))
	var got []string
	var last error
	for e, err := range r.All() {
		if last = err; err == nil {
			got = append(got, e.Data)
			break // and continue
		}
	}
	for e, err := range r.All() {
		if last = err; err == nil {
			got = append(got, e.Data)
		}
	}
	if strings.Join(got, " ") != "a b" || last != boom {
		t.Errorf("%q, %v; want a, b and then the error", got, last)
	}
	for _, err := range stream.NewReader(stuck{}).All() {
		if err != io.ErrNoProgress {
			t.Errorf("a reader that returns nothing: %v", err)
		}
	}
}

// stuck ignores the advice of io.Reader.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// FuzzReader: however the bytes are split, the events are the same, and none is longer
// than the limit.
func FuzzReader(f *testing.F) {
	f.Add("data: a\n\nid: 1\revent: x\r\ndata\r\r\n", 3)
	f.Add("\ufeffretry: 5\ndata:\xff\xe2\x82\n\n: c\n\n", 1)
	f.Fuzz(func(t *testing.T, input string, size int) {
		const limit = 64
		read := func(src io.Reader) (events []stream.Event, state string) {
			r := stream.NewReader(src)
			r.EventLimit = limit
			r.OnComment = func(text string) { state += text + "|" }
			for e, err := range r.All() {
				if err != nil {
					state += err.Error()
					break
				}
				if len(e.Data) > 3*limit { // U+FFFD takes three bytes
					t.Errorf("%d bytes of data", len(e.Data))
				}
				events = append(events, e)
			}
			return events, state + r.LastEventID() + r.Retry().String()
		}
		whole, state := read(strings.NewReader(input))
		cut, cutState := read(&chunks{split(input, size)})
		bytes, byteState := read(iotest.OneByteReader(strings.NewReader(input)))
		if state != cutState || state != byteState || len(whole) != len(cut) || len(whole) != len(bytes) {
			t.Fatalf("whole: %d events, %q; in pieces: %d, %q; by byte: %d, %q",
				len(whole), state, len(cut), cutState, len(bytes), byteState)
		}
		for i := range whole {
			if whole[i] != cut[i] || whole[i] != bytes[i] {
				t.Fatalf("event %d: whole %+v, in pieces %+v, by byte %+v", i, whole[i], cut[i], bytes[i])
			}
		}
	})
}

func split(text string, size int) (parts [][]byte) {
	size = max(1, size%16)
	for len(text) > size {
		parts = append(parts, []byte(text[:size]))
		text = text[size:]
	}
	if text != "" {
		parts = append(parts, []byte(text))
	}
	return parts
}
