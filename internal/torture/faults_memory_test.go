package torture_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/apiece/apiece/internal/testkit"
)

// The number of concurrent bodies, and their limit.
const (
	bodiesAtOnce = 8
	bodyLimit    = 1 << 20
)

// TestFaultsOfMemory: concurrent large bodies are served, and larger ones rejected,
// within the memory given by their limit and number.
func TestFaultsOfMemory(t *testing.T) {
	tidy(t)
	const most = bodiesAtOnce*bodyLimit*2 + 4<<20 // the buffer of a body grows by doubling
	for _, p := range those(func(p *piece) bool {
		return p.reads && p.want == called("bodyparser.Parse").want || p.name == "bind.Handler"
	}) {
		if p.fields["X-Signature"] != "" || p.fields["Content-Encoding"] != "" {
			continue
		}
		took, err := fill(t, p)
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
		if took > most {
			t.Errorf("%s: %.1f MB, want at most %.1f MB", p.name, mega(took), mega(most))
		}
		t.Logf("%s: %.1f MB", p.name, mega(took))
	}
	p := posting("application/json", "{}", piece{name: "naive", make: plainly(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, len(b))
	})})
	if took, _ := fill(t, &p); took <= most {
		t.Errorf("a handler without a limit takes %.1f MB, which is not too much", mega(took))
	}
}

// fill sends the piece bodies just under its limit, and then some far over it without a
// declared length, and returns the memory used.
func fill(t *testing.T, p *piece) (took int64, err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // bounds the error of the peak
	large := `{"text":"` + strings.Repeat("x", bodyLimit-20) + `"}`
	right := 200
	if p.byHand {
		right = 413 // it has a lower limit
	}
	bubble(t, func() {
		site, failed := open(p, setting{protocol: 1})
		if failed != nil {
			t.Fatal(failed)
		}
		defer site.close()
		for _, sent := range []struct {
			body  func() io.Reader
			right int
		}{
			{func() io.Reader { return strings.NewReader(large) }, right},
			{func() io.Reader {
				return io.MultiReader(strings.NewReader(`{"text":"`), io.LimitReader(endless{}, 8*bodyLimit))
			}, 413},
		} {
			heap := testkit.WatchHeap()
			defer heap.Stop()
			before := heap.Forget()
			// All but their ends have arrived when the memory is measured.
			rest := make(chan struct{})
			answers := make([]answer, bodiesAtOnce)
			var clients sync.WaitGroup
			for i := range answers {
				clients.Go(func() { answers[i] = site.send(&withheld{Reader: sent.body(), until: rest}, false) })
			}
			synctest.Wait()
			heap.Collect()
			close(rest)
			clients.Wait()
			took = max(took, int64(heap.Peak()-before))
			for _, a := range answers {
				if a.err != nil && sent.right == 413 {
					continue // a rejected client may be unable to read the response
				}
				if a.err != nil || a.status != sent.right {
					err = errors.Join(err, fmt.Errorf("%v, want %d", a, sent.right))
				}
			}
		}
	})
	return took, err
}

// A withheld body does not end until it is told to.
type withheld struct {
	io.Reader
	until <-chan struct{}
}

func (w *withheld) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err == io.EOF {
		<-w.until
	}
	return n, err
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
