package faults_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

// TestMemory: large bodies at once are served, and larger ones refused, within
// the memory that their limit and their number make.
func TestMemory(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector maps memory in advance, which cannot be bounded")
	}
	tidy(t)
	if err := child(t, "memory", nil, "GOMEMLIMIT=64MiB"); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	err := child(t, "memory of the naive", nil, "GOMEMLIMIT=64MiB")
	if !errors.As(err, &exit) || exit.ExitCode() == complained {
		t.Errorf("a handler without a limit has memory enough: %v", err)
	}
}

func sufferMemory() error {
	return fill(those(func(p *piece) bool {
		return p.reads && p.want == called("bodyparser.Parse").want || p.name == "bind.Handler"
	}))
}

func sufferMemoryNaively() error {
	p := post("application/json", "{}", piece{name: "naive", make: plainly(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, len(b))
	})})
	return fill([]*piece{&p})
}

// fill sends each of the pieces bodies of just under their limit, and some that
// are far beyond it without saying so.
func fill(pieces []*piece) error {
	const at, limit, runtimes = 16, 1 << 20, 64 << 20
	before := mapped()
	// What the bodies may take at most, and what the runtime maps for itself.
	most := uint64(before + at*limit*4 + 16<<20 + runtimes)
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return err
	}
	large := `{"text":"` + strings.Repeat("x", limit-20) + `"}`
	var mu sync.Mutex
	var errs []error
	for _, p := range pieces {
		if p.fields["X-Signature"] != "" || p.fields["Content-Encoding"] != "" {
			continue
		}
		site, err := open(p, setting{protocol: 1, sockets: true})
		if err != nil {
			return err
		}
		exchange := func(body io.Reader, right ...int) {
			a := site.send(body, false)
			if a.err != nil && slices.Contains(right, 413) || a.err == nil && slices.Contains(right, a.status) {
				return // a client that is refused may not get to read it
			}
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, fmt.Errorf("%s: %v", p.name, a))
		}
		var wg sync.WaitGroup
		for range at {
			wg.Go(func() {
				if p.byHand {
					exchange(strings.NewReader(large), 413) // it has a lower limit
				} else {
					exchange(strings.NewReader(large), 200)
				}
				exchange(io.MultiReader(strings.NewReader(`{"text":"`), io.LimitReader(xs{}, 32*limit)), 413)
			})
		}
		wg.Wait()
		site.close()
	}
	debug.FreeOSMemory()
	fmt.Printf("%d bodies of 1 MB at once, and as many of 32: %d MB mapped before, %d MB after\n", at, before>>20, mapped()>>20)
	return errors.Join(errs...)
}

// xs is a body without an end.
type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// mapped returns how much address space the process has.
func mapped() int64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("VmSize:")); ok {
			kb, _ := strconv.ParseInt(string(bytes.Fields(value)[0]), 10, 64)
			return kb << 10
		}
	}
	return 0
}
