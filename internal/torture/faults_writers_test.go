package torture_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

// writerFaults are faulty writers between a piece and the server. Each has the allowed
// outcomes for the pieces that write at once, for those that stream, and for those
// without a Recover outside if that differs.
var writerFaults = []struct {
	name                  string
	wrap                  func(http.ResponseWriter) http.ResponseWriter
	right, streams, alone fate
	passes                bool // a panic reaches the server
	why                   string
}{
	{"fails at byte 0", failingAt(0), dropped, dropped, 0, false, "the client is gone, which is nothing to log"},
	{"fails at byte 1", failingAt(1), dropped, dropped, 0, false, "the same, with a part out"},
	{"fails at byte 20", failingAt(20), dropped, dropped, 0, false, "the same"},
	{"fails at byte 4096", failingAt(4096), dropped | whole, dropped, 0, false, "most answers are longer"},
	{"fails at the end", failingAt(1 << 20), whole, whole, 0, false, "and no answer is as long as this"},
	{"writes a byte less", shortBy(1), dropped, dropped, 0, false, "against the rules of io.Writer, and worse if no layer checks"},
	{"cannot flush", func(w http.ResponseWriter) http.ResponseWriter { return testkit.Bare{ResponseWriter: w} }, whole, failed, failed, false,
		"a stream cannot do without, and says so"},
	{"can be unwrapped", func(w http.ResponseWriter) http.ResponseWriter { return testkit.Unwrapping{ResponseWriter: w} }, whole, whole, 0, false,
		"http.ResponseController finds what it needs"},
	{"is wrapped five deep", fiveDeep, whole, whole, 0, false, "the same, five times"},
	{"panics in WriteHeader", func(w http.ResponseWriter) http.ResponseWriter { return panicking{w} }, noted, noted, dropped, true,
		"nothing of the answer is to be trusted"},
}

// TestFaultsOfWriters puts a faulty writer between the server and each piece.
func TestFaultsOfWriters(t *testing.T) {
	tidy(t)
	n := 0
	for _, p := range pieces() {
		for _, f := range writerFaults {
			for _, s := range settings {
				n++
				right, passes := f.right, false
				if p.streams {
					right = f.streams
				}
				if s.alone && !p.recovers {
					passes = f.passes
					if f.alone != 0 && (p.streams || f.passes) {
						right = f.alone
					}
				}
				if right&dropped != 0 && p.records > 0 && !passes {
					right = right&^dropped | noted // by the error that is rendered
				}
				if right&dropped != 0 && (p.blank || len(p.want) <= 20) {
					right |= whole // a redirect is only a header, and the shortest responses are sent by then
				}
				s.around = func(h http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(f.wrap(w), r) })
				}
				trial(t, "a writer that "+f.name, &p, s, right, passes, func(t *site) answer { return t.send(nil, false) })
			}
		}
	}
	t.Logf("%d writers", n)
}

var errBroken = errors.New("broken pipe")

// A failing writer accepts a limited number of bytes of body.
type failing struct {
	http.ResponseWriter
	left int
}

func failingAt(n int) func(http.ResponseWriter) http.ResponseWriter {
	return func(w http.ResponseWriter) http.ResponseWriter { return &failing{w, n} }
}

func (f *failing) Unwrap() http.ResponseWriter { return f.ResponseWriter }

func (f *failing) Write(p []byte) (int, error) {
	if len(p) <= f.left {
		n, err := f.ResponseWriter.Write(p)
		f.left -= n
		return n, err
	}
	n, err := f.ResponseWriter.Write(p[:f.left])
	f.left = 0
	return n, errors.Join(err, errBroken)
}

// A shortened writer drops the last bytes of each write, and reports the count, but no
// error.
type shortened struct {
	http.ResponseWriter
	by int
}

func shortBy(n int) func(http.ResponseWriter) http.ResponseWriter {
	return func(w http.ResponseWriter) http.ResponseWriter { return &shortened{w, n} }
}

func (s *shortened) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *shortened) Write(p []byte) (int, error) {
	return s.ResponseWriter.Write(p[:max(0, len(p)-s.by)])
}

type panicking struct{ http.ResponseWriter }

func (p panicking) Unwrap() http.ResponseWriter { return p.ResponseWriter }
func (panicking) WriteHeader(status int)        { panic(fmt.Sprintf("the writer panics at %d", status)) }

func fiveDeep(w http.ResponseWriter) http.ResponseWriter {
	for i := range 5 {
		if i%2 == 0 {
			w = testkit.Unwrapping{ResponseWriter: w}
		} else {
			w = &testkit.Counting{ResponseWriter: w}
		}
	}
	return w
}
