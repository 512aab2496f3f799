package torture_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
)

// bodyFaults are the results of reading a body, in place of its end or before it.
var bodyFaults = []struct {
	name  string
	err   error
	right fate
	why   string
}{
	{"none", nil, whole, "the table itself is right"},
	{"ends early", io.ErrUnexpectedEOF, refused, "what net/http returns for a body that is not whole"},
	{"times out", fmt.Errorf("reading: %w", os.ErrDeadlineExceeded), refused, "what a read deadline returns"},
	{"too large", fmt.Errorf("reading: %w", fmt.Errorf("a limit: %w", &http.MaxBytesError{Limit: 1})), refused, "what a limit further out returns"},
	{"fails", errors.New("made up"), refused, "what else there may be is no fault of the server"},
}

// TestFaultsOfBodies makes bodies fail at some place.
func TestFaultsOfBodies(t *testing.T) {
	tidy(t)
	n := 0
	for _, p := range those(func(p *piece) bool { return p.reads }) {
		for _, f := range bodyFaults {
			for _, at := range []int{0, 1, len(p.body) / 2, len(p.body) - 1, len(p.body)} {
				for _, withData := range []bool{false, true} {
					for _, s := range settings {
						n++
						s.around = replaced(func(r *http.Request) io.Reader {
							return &faulty{src: r.Body, left: at, err: f.err, withData: withData}
						})
						trial(t, fmt.Sprintf("a body that %s at byte %d", f.name, at), p, s, f.right, false,
							func(t *site) answer { return t.send(nil, false) })
					}
				}
			}
		}
		for _, s := range settings {
			n++
			s.around = replaced(func(r *http.Request) io.Reader { return &hesitant{src: r.Body} })
			trial(t, "reads of nothing", p, s, whole, false, func(t *site) answer { return t.send(nil, false) })
		}
	}
	t.Logf("%d bodies", n)
}

// TestFaultsOfBodiesStatus: the status tells the fault of a body.
func TestFaultsOfBodiesStatus(t *testing.T) {
	tidy(t)
	for _, p := range those(func(p *piece) bool { return p.reads }) {
		for i, want := range []int{200, 400, 408, 413, 400} {
			if p.byHand && want == 408 {
				continue // whose handler does not distinguish them
			}
			s := setting{protocol: 1, around: replaced(func(r *http.Request) io.Reader {
				return &faulty{src: r.Body, left: 100, err: bodyFaults[i].err}
			})}
			bubble(t, func() {
				site, err := open(p, s)
				if err != nil {
					t.Fatal(err)
				}
				defer site.close()
				if a := site.send(nil, false); a.status != want {
					t.Errorf("%s, a body that %s: %v, want %d", p.name, bodyFaults[i].name, a, want)
				}
			})
		}
	}
}

// replaced replaces the body of the request.
func replaced(body func(*http.Request) io.Reader) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = struct {
				io.Reader
				io.Closer
			}{body(r), r.Body}
			h.ServeHTTP(w, r)
		})
	}
}

// A faulty reader fails after n bytes, together with the last of them or after it.
// Without an error it behaves normally.
type faulty struct {
	src      io.Reader
	left     int
	err      error
	withData bool
}

func (f *faulty) Read(p []byte) (int, error) {
	if f.err == nil {
		return f.src.Read(p)
	}
	if f.left == 0 {
		return 0, f.err
	}
	n, err := f.src.Read(p[:min(len(p), f.left)])
	f.left -= n
	if f.left == 0 && f.withData {
		return n, f.err
	}
	if err == io.EOF {
		err = f.err
	}
	return n, err
}

// A hesitant reader returns nothing, and no error, a hundred times in between:
// io.Reader discourages that, but allows it.
type hesitant struct {
	src   io.Reader
	reads int
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.reads++; h.reads%100 != 0 {
		return 0, nil
	}
	return h.src.Read(p[:min(len(p), 3000)])
}
