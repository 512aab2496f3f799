package faults_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

// TestMemory: large bodies at once are served within the memory that their limit
// and their number make, and the process lives.
func TestMemory(t *testing.T) {
	tidy(t)
	if err := child(t, "memory", nil, "GOMEMLIMIT=64MiB"); err != nil {
		t.Error(err)
	}
}

func sufferMemory() error {
	const at, limit, runtimes = 16, 1 << 20, 64 << 20
	rounds := 3
	if testkit.Race {
		rounds = 1
	}
	large := `{"text":"` + strings.Repeat("x", limit-20) + `"}`
	before := mapped()
	if !testkit.Race { // whose memory is mapped in advance
		// What the bodies may take at most, and what the runtime maps for itself.
		most := uint64(before + at*limit*4 + 16<<20 + runtimes)
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	var errs []error
	for _, p := range those(func(p *piece) bool { return p.reads && p.fields["Content-Type"] == "application/json" }) {
		if p.fields["X-Signature"] != "" || p.fields["Content-Encoding"] != "" {
			continue
		}
		site, err := open(p, setting{protocol: 1, sockets: true})
		if err != nil {
			return err
		}
		for range rounds {
			var wg sync.WaitGroup
			var mu sync.Mutex
			for range at {
				wg.Go(func() {
					a := site.send(strings.NewReader(large), false)
					raw := p.name == "bodyparser.New, raw" && a.status == 413
					if a.err != nil && p.name != "bodyparser.New, raw" || a.err == nil && a.status != 200 && !raw {
						mu.Lock()
						defer mu.Unlock()
						errs = append(errs, fmt.Errorf("%s: %v", p.name, a))
					}
				})
			}
			wg.Wait()
		}
		site.close()
	}
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Printf("%d bodies of 1 MB at once: %d MB mapped before, %d MB after, %d MB of heap in use\n", at, before>>20, mapped()>>20, stats.HeapInuse>>20)
	return errors.Join(errs...)
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
