package testkit

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Main runs the tests and then fails if goroutines that they started are still running.
// Call it from TestMain:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// Before the check, done ends what the tests shared.
func Main(m *testing.M, done ...func()) {
	code := m.Run()
	for _, end := range done {
		end()
	}
	if code == 0 {
		if left := Leaked(patience / 4); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "%d goroutines left behind:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code)
}

// Leaked returns the stacks of the goroutines that an idle test binary does not have,
// after waiting for those that are about to end.
func Leaked(patience time.Duration) []string {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left := interesting()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// Stacks returns the stacks of all goroutines, the caller's first.
func Stacks() string {
	for size := 32 << 10; ; size *= 4 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return string(buf[:n])
		}
	}
}

func interesting() (left []string) {
	for stack := range strings.SplitSeq(Stacks(), "\n\n") {
		_, frames, _ := strings.Cut(strings.TrimSpace(stack), "\n")
		if frames == "" || expected(frames) {
			continue
		}
		left = append(left, stack)
	}
	return left
}

// expected reports whether a goroutine belongs to the test binary itself.
func expected(frames string) bool {
	for _, own := range []string{
		"testing.Main(",
		"testing.(*M).",
		"testing.RunTests",
		"testing.tRunner(",
		"testing.runFuzz",
		"testing.(*F).",
		"internal/fuzz.",
		"internal/testkit.Main(",
		"os/signal.",
		"runtime.ensureSigM",
		"runtime.gc",
		"runtime/trace.",
		"created by runtime",
	} {
		if strings.Contains(frames, own) {
			return true
		}
	}
	return false
}
