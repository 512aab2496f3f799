package middleware

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// Taken handles a response that was taken from the handler in the phase was. No call is
// inside. It calls foreign code, which may panic or block: no lock is held.
func (t *timeout) Taken(was response.Phase) {
	defer t.decided.Done() // even if a hook calls runtime.Goexit
	defer t.returnTimer()
	response.Before("taken")
	if t.stuck != nil {
		t.stuck.Stop()
	}
	err := &TimeoutError{Duration: t.cfg.Duration, retryAfter: t.cfg.RetryAfter, reading: t.ctx.reads.Load()}
	// First, since moving the read deadline makes net/http cancel the request.
	t.ctx.end(expired(err))
	inner, logs, lost := t.w.Unwrap(), !t.gone.Load(), false
	response.Safely(func() { lost = response.Lost(inner) })
	if lost || was == response.Sent && t.w.Complete() {
		// A layer further out has responded, or the handler has.
		rc := http.NewResponseController(inner)
		response.Safely(func() { _ = rc.Flush() })
		// A Hurry, or one of a Timeout further in, may have set a deadline, which
		// net/http would keep for the next response on the connection.
		response.Safely(func() { _ = rc.SetWriteDeadline(time.Time{}) })
		return
	}
	t.cut = true // until a whole response is sent: no part may pass for one
	defer func() {
		if t.cut {
			t.w.CutOff(!t.detached)
		}
		if status := err.StatusCode(); logs && (t.cut || status >= 500) {
			problem.Log(t.cfg.Logger, t.outside, status, err, slog.Bool("cut", t.cut))
		}
	}()
	if was != response.Sent {
		response.Safely(func() { t.w.Restore(was) })
		response.Safely(func() { logs = t.respond(inner, err) && logs })
	}
}

// respond sends the whole response at once. It reports whether that is left to log: the
// client can have it, and no panic of the hook was logged.
func (t *timeout) respond(w http.ResponseWriter, err error) bool {
	rc := http.NewResponseController(w)
	m, logged := problem.RenderMemory(w, w.Header(), t.hookRequest(), err, t.cfg.OnError, t.cfg.Logger)
	if t.outside.ProtoMajor < 2 {
		m.Header().Set("Connection", "close")
	}
	// Only now: the hook may have been slow, and this cancels its request.
	response.Safely(func() { _ = rc.SetReadDeadline(time.Unix(1, 0)) }) // of a handler stuck reading the body
	response.Safely(func() { _ = rc.SetWriteDeadline(time.Now().Add(response.Grace)) })
	head := t.outside.Method == http.MethodHead
	lost := m.Send(w, head)
	t.cut = false
	var flushed error
	response.Safely(func() { flushed = rc.Flush() }) // if it panics, the response is sent when the handler returns
	// HTTP/2 ends the stream of a HEAD after its header, and returns an error. A
	// Timeout further out that has also expired finds the response complete, and
	// flushes it.
	whole := flushed == nil || errors.Is(flushed, http.ErrNotSupported) || errors.Is(flushed, http.ErrHandlerTimeout)
	return !logged && (head || lost == nil && whole)
}

// hookRequest returns the request for a hook.
func (t *timeout) hookRequest() *http.Request {
	if t.header == nil {
		return t.outside
	}
	r := t.outside.WithContext(t.outside.Context())
	r.Header = t.header
	return r
}

// warn logs why a client has no response: a foreign writer does not return.
func (t *timeout) warn() {
	response.Safely(func() {
		problem.LoggerFor(t.cfg.Logger, t.outside).LogAttrs(t.outside.Context(), slog.LevelWarn,
			"apiece: a ResponseWriter blocks and has no deadline for writing, so a timeout cannot answer",
			slog.String("method", t.outside.Method),
			slog.String("path", t.outside.URL.Path),
			slog.String("writer", fmt.Sprintf("%T", t.w.Unwrap())))
	})
}
