package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/middleware"
)

// What a handler does is a program, a letter for each call and one for the end.
//
//	H  sets a field of the header        F  flushes
//	W  WriteHeader(201)                  J  hijacks
//	c  the same with a field, at once    D  sets both deadlines
//	N  WriteHeader(204)
//	I  WriteHeader(103)                  d  the same, on another goroutine
//	w  writes 10 bytes                   E  lifts the deadline
//	m  writes 1500                       X  moves it to 3 ms from now
//	B  writes 3000                       A  derives contexts, and watches them
//	C  a whole body by Content-Length    K  a slow hook before the commit, which extends
//	R  ReadFrom a file                   k  a hook that waits for the end of the context
//	S  a write that is stuck             b  a read of the body that is stuck
//
//	.  returns    !  panics    g  runtime.Goexit
const (
	modelCalls = "HWcNIwmBCRFJDdEXAKkSb"
	modelEnds  = ".!g"
)

// A modelHandler runs a program, and keeps the results of its calls.
type modelHandler struct {
	program string
	s       *sched
	f       *modelServer
	file    *os.File
	due     time.Time // its deadline, as it was told

	tried    int             // bytes it has tried to write
	wrote    strings.Builder // those that it was told were written
	err      error           // the first
	status   int             // 0 until it has committed its response
	early    bool            // it set its field before that
	hooked   bool            // its hook has run
	passed   bool            // bytes had to reach the server before the end
	whole    bool            // by Content-Length, or without a body
	done     bool            // it has returned normally
	hijacked bool
	faults   []string

	others, watchers sync.WaitGroup
}

// modelFile is a file of 1000 bytes.
func modelFile(t *testing.T) *os.File {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(strings.Repeat("r", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func (h *modelHandler) fault(format string, a ...any) {
	h.faults = append(h.faults, fmt.Sprintf(format, a...))
}

// extend is middleware.Extend, for the Timeout next to the handler.
func (h *modelHandler) extend(r *http.Request, d time.Duration) {
	now := time.Now()
	if middleware.Extend(r, d) != nil {
		return
	}
	if d < 0 {
		d = 1000 * time.Hour
	}
	h.due = now.Add(d)
}

func (h *modelHandler) commit(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *modelHandler) note(text string, n int, err error) {
	switch {
	case err == nil:
		h.wrote.WriteString(text[:n])
	case h.err == nil:
		h.err = err
	}
}

func (h *modelHandler) write(w http.ResponseWriter, text string) {
	h.tried += len(text)
	h.passed = h.passed || h.tried > 2048
	h.commit(200)
	n, err := io.WriteString(w, text)
	h.note(text, n, err)
}

func (h *modelHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := false
	for _, call := range h.program {
		h.s.step("handler:" + string(call))
		asked = asked || call == 'A'
		h.coherent(r.Context(), asked)
		h.call(call, w, r)
	}
	h.done = h.err == nil
}

func (h *modelHandler) call(call rune, w http.ResponseWriter, r *http.Request) {
	if strings.ContainsRune(modelEnds, call) {
		blocks()
		h.others.Wait() // goroutines that use a ResponseWriter must end before its handler
	}
	rc := http.NewResponseController(w)
	switch call {
	case 'H':
		h.early = h.early || h.status == 0
		w.Header().Set("X-Handler", "1")
	case 'W':
		h.commit(201)
		w.WriteHeader(201)
	case 'c':
		h.early = h.early || h.status == 0
		h.commit(201)
		response.Commit(w, func(header http.Header) int {
			h.s.step("fill")
			header.Set("X-Handler", "1")
			return 201
		})
	case 'N':
		h.whole = h.whole || h.status == 0 && !response.Lost(w)
		h.passed = true
		h.commit(204)
		w.WriteHeader(204)
	case 'I':
		w.WriteHeader(103)
	case 'w':
		h.write(w, "0123456789")
	case 'm':
		h.write(w, strings.Repeat("m", 1500))
	case 'B':
		h.write(w, strings.Repeat("B", 3000))
	case 'C':
		first := h.status == 0
		w.Header().Set("Content-Length", "10")
		h.passed = true
		h.write(w, "abcdefghij")
		h.whole = h.whole || first && h.err == nil
	case 'R':
		h.passed = true
		h.tried += 1000
		h.commit(200)
		_, _ = h.file.Seek(0, io.SeekStart)
		n, err := io.Copy(w, h.file)
		h.note(strings.Repeat("r", 1000), int(n), err)
	case 'F':
		h.flush(rc)
	case 'J':
		h.hijack(w)
	case 'D':
		_ = rc.SetReadDeadline(time.Now().Add(time.Hour))
		_ = rc.SetWriteDeadline(time.Now().Add(time.Hour))
	case 'd':
		h.others.Go(func() {
			defer func() { _ = recover() }()
			h.s.step("other:d")
			_ = rc.SetWriteDeadline(time.Now().Add(time.Hour))
		})
	case 'E':
		h.extend(r, -1)
	case 'X':
		h.extend(r, 3*time.Millisecond)
	case 'A':
		h.derive(r.Context())
	case 'K', 'k':
		h.hook(w, r, call == 'k')
	case 'S':
		h.f.jams, h.passed = true, true
		h.write(w, strings.Repeat("S", 3000))
		h.f.jams = false
	case 'b':
		_, _ = r.Body.Read(make([]byte, 1))
	case '!':
		panic("boom")
	case 'g':
		runtime.Goexit()
	}
}

func (h *modelHandler) flush(rc *http.ResponseController) {
	passed := h.passed
	h.passed = true
	if err := rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
		h.commit(200)
		h.note("", 0, err)
		return
	}
	h.passed = passed
}

func (h *modelHandler) hijack(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	h.passed = true
	_, _, err := hijacker.Hijack()
	h.note("", 0, err)
	if err == nil {
		h.f.foreign, h.hijacked = true, true
	}
}

func (h *modelHandler) hook(w http.ResponseWriter, r *http.Request, waits bool) {
	rw, ok := response.Of(w)
	if !ok || h.status != 0 {
		return
	}
	rw.BeforeCommit(func(int) {
		h.s.step("hook")
		if waits {
			blocks()
			<-r.Context().Done()
		} else {
			h.extend(r, time.Hour)
		}
		h.s.step("hook")
		w.Header().Set("X-Hook", "1")
		h.hooked = true
	})
}

// derive derives contexts as handlers do, and checks how they end.
func (h *modelHandler) derive(ctx context.Context) {
	type key struct{}
	derived, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
	h.watchers.Go(func() {
		defer cancel()
		<-derived.Done()
		h.over(ctx, derived)
		h.s.step("watcher")
		h.over(ctx, derived)
	})
}

func (h *modelHandler) over(ctx, derived context.Context) {
	if derived.Err() == nil || ctx.Err() == nil || context.Cause(derived) == nil {
		h.fault("a context is done and has no error")
	}
	if ctx.Err() != derived.Err() {
		h.fault("a context ends with %v, one derived from it with %v", ctx.Err(), derived.Err())
	}
	if ctx.Err() != context.DeadlineExceeded {
		return
	}
	if h.hijacked {
		h.fault("a deadline after a hijack")
	}
	if time.Now().Before(h.due) {
		h.fault("a deadline that was not due")
	}
	if _, ok := context.Cause(derived).(*middleware.TimeoutError); !ok {
		h.fault("a deadline whose cause is %v", context.Cause(derived))
	}
}

// coherent checks whether Done and Err of a context agree. Only a handler that has
// called Done has a context of package context below.
func (h *modelHandler) coherent(ctx context.Context, asked bool) {
	if !asked {
		if first := ctx.Err(); first != nil && first != ctx.Err() {
			h.fault("the error of a context has changed from %v to %v", first, ctx.Err())
		}
		return
	}
	done := func() bool {
		select {
		case <-ctx.Done():
			return true
		default:
			return false
		}
	}
	if done() && ctx.Err() == nil {
		h.fault("Done is closed and Err is nil")
	}
	if err := ctx.Err(); err != nil && !done() {
		h.fault("Err is %v and Done is not closed", err)
	}
}
