package torture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// failedBody makes the body end early.
func failedBody(r *http.Request) io.Reader {
	return &faulty{src: r.Body, left: 100, err: io.ErrUnexpectedEOF}
}

// A naive handler is written without this module, as in tutorials. It gets one fault,
// and its own fault must be found.
type naive struct {
	name  string
	piece piece
	fault func(http.Handler) http.Handler
	right fate
	kind  string // of the finding
}

// none is no fault: the handler has its own.
func none(h http.Handler) http.Handler { return h }

func naives(release <-chan struct{}) []naive {
	text := `{"text":"` + longText + `"}`
	reading := func(h http.HandlerFunc) piece {
		return posting("application/json", text, piece{want: fmt.Sprint(len(text)), make: plainly(h)})
	}
	writing := func(want string, h http.HandlerFunc) piece {
		return getting(piece{status: 200, want: want, make: plainly(h)})
	}
	var shared bytes.Buffer
	first := func(r *http.Request) bool { return r.Header.Get(nextField) == "" }
	return []naive{
		{"takes a part of a body for all of it", reading(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, len(b))
		}), replaced(failedBody), refused, partial},
		{"blames itself for the client", reading(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				slog.Error("reading", "error", err)
				http.Error(w, "error", 500)
				return
			}
			fmt.Fprint(w, len(b))
		}), replaced(failedBody), refused, misfit},
		{"logs what is none of its business", reading(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				slog.Error("reading", "error", err)
				http.Error(w, "error", 400)
				return
			}
			fmt.Fprint(w, len(b))
		}), replaced(failedBody), refused, records},
		{"fails in silence", writing("", func(w http.ResponseWriter, r *http.Request) {
			if first(r) {
				http.Error(w, "error", 500)
			}
		}), none, failed, records},
		{"leaves an empty answer when it cannot encode", writing("1\n", func(w http.ResponseWriter, r *http.Request) {
			v := any(1)
			if first(r) {
				v = make(chan int)
			}
			_ = json.NewEncoder(w).Encode(v)
		}), none, failed, partial},
		{"recovers without a look at what is out", writing(longText, func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if v := recover(); v != nil {
					slog.Error("panic", "value", v)
					http.Error(w, "error", 500)
				}
			}()
			if first(r) {
				flushPart(w)
				panic("in the middle")
			}
			io.WriteString(w, longText)
		}), none, noted, partial},
		{"does not look at what was written", writing(strings.Repeat("data: 1\n\n", 3), func(w http.ResponseWriter, r *http.Request) {
			for range 3 {
				io.WriteString(w, "data: 1\n\n")
				_ = http.NewResponseController(w).Flush()
			}
		}), func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(shortBy(1)(w), r)
			})
		}, dropped, partial},
		{"panics", writing("", func(w http.ResponseWriter, r *http.Request) {
			if first(r) {
				panic("without a recoverer")
			}
		}), none, dropped, panicked},
		{"leaves a goroutine behind", writing("", func(http.ResponseWriter, *http.Request) { go func() { <-release }() }), none, whole, goroutines},
		{"goes on writing", writing("", func(w http.ResponseWriter, r *http.Request) {
			ended := r.Context().Done()
			go func() {
				<-ended
				io.WriteString(w, "late")
			}()
		}), none, whole, late},
		{"keeps what it has read", reading(func(w http.ResponseWriter, r *http.Request) {
			if _, err := shared.ReadFrom(r.Body); err != nil {
				http.Error(w, "error", 400)
				return
			}
			fmt.Fprint(w, shared.Len())
			shared.Reset()
		}), replaced(failedBody), refused, harmed},
	}
}

// TestFaultsAreFound: every check of this module can fail. A handler with one fault has
// one finding, so each fault is found by the check that is meant for it.
func TestFaultsAreFound(t *testing.T) {
	tidy(t)
	kinds := []string{partial, misfit, records, panicked, late, harmed, goroutines} // for the others see naiveFaults
	for i := range naives(nil) {
		bubble(t, func() {
			release := make(chan struct{})
			n := naives(release)[i]
			site, err := open(&n.piece, setting{protocol: 1, alone: true, around: n.fault})
			if err != nil {
				t.Fatal(err)
			}
			found := site.judge(site.send(nil, false), n.right, false)
			close(release)
			synctest.Wait()
			if len(found) == 0 || slices.ContainsFunc(found, func(f finding) bool { return f.kind != n.kind }) {
				t.Errorf("a handler that %s: found %v, want %q", n.name, found, n.kind)
			}
			kinds = slices.DeleteFunc(kinds, func(kind string) bool { return kind == n.kind })
		})
	}
	if len(kinds) > 0 {
		t.Errorf("nothing shows that these can be found: %q", kinds)
	}
}
