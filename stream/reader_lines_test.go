package stream_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/stream"
)

// TestReaderLongLines: lines longer than the buffer of a Reader arrive whole, however they are
// split, and its limit is exact to the byte.
func TestReaderLongLines(t *testing.T) {
	for _, size := range []int{0, 1, 4090, 4096, 64<<10 - 7, 64<<10 - 6, 64<<10 - 5, 64 << 10, 128 << 10, 200_001} {
		for _, end := range []string{"\n", "\r", "\r\n"} {
			data := strings.Repeat("x", size)
			text := "id: 1" + end + "data: " + data + end + end + "data: next" + end + end
			for name, src := range map[string]io.Reader{
				"whole":               strings.NewReader(text),
				"bytes":               iotest.OneByteReader(strings.NewReader(text)),
				"halves":              iotest.HalfReader(strings.NewReader(text)),
				"data with its error": iotest.DataErrReader(strings.NewReader(text)),
			} {
				var got []string
				r := stream.NewReader(src)
				r.EventLimit = bytesize.Size(max(size+len("data: "), 10))
				for e, err := range r.All() {
					if err != nil {
						t.Fatalf("%d bytes, %q, %s: %v", size, end, name, err)
					}
					got = append(got, e.Data)
				}
				if len(got) != 2 || got[0] != data || got[1] != "next" || r.Incomplete() {
					t.Errorf("%d bytes, %q, %s: %d events, %t", size, end, name, len(got), r.Incomplete())
				}
			}
			if size < 10 {
				continue
			}
			r := stream.NewReader(io.MultiReader(strings.NewReader("data: "+data), blocks{t}))
			r.EventLimit = bytesize.Size(size + len("data: ") - 1)
			for _, err := range r.All() {
				if _, ok := err.(*stream.TooLargeError); !ok {
					t.Errorf("%d bytes, one too many: %v", size, err)
				}
			}
		}
	}
}

// blocks is a source that must not be read: a line that is too long is refused before its
// end arrives.
type blocks struct{ t *testing.T }

func (b blocks) Read([]byte) (int, error) {
	b.t.Error("it was read on")
	return 0, io.EOF
}

func TestReaderIncomplete(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"", false},
		{"data: a\n\n", false},
		{"data: a\n", true},
		{"data: a\n\ndata: b", true},
		{"data: a\r\n\r\n", false},
		{"data: a\r\n\r", false},
		{"event: x\n", true},
		{"event: x\n\n", false},
		{":\n", false},
		{"data: a\n\n:\n:\n", false},
		{"data: a\n\n:", false},
		{"data: a\n\n: hal", false},
		{"data: a\n: hal", true},
		{"id: 5\n", false},
		{"retry: 5\n", false},
	} {
		r := stream.NewReader(strings.NewReader(tt.text))
		if r.Incomplete() {
			t.Errorf("%q: incomplete before it was read", tt.text)
		}
		for range r.All() {
		}
		if got := r.Incomplete(); got != tt.want {
			t.Errorf("%q: Incomplete = %t", tt.text, got)
		}
	}
}
