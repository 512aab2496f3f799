package httperr

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/respw"
)

// A Hook answers an error. It is the type of every OnError in the kit.
type Hook = func(http.ResponseWriter, *http.Request, error)

// Handle does with err what is left to do: usually that is to call the hook,
// once, and to log what becomes an answer of 500 or more. Nil for hook is that
// of the layers outside, see [Render]; nil for logger is slog.Default.
//
// It does not answer when somebody has answered already. When nobody is left to
// answer to it drops the connection, for the sake of those outside. When the
// header is out it aborts the connection, because an error text behind half a
// body would make the half look whole; the panic is http.ErrAbortHandler's.
//
// Whether the header is out is known only if w is a shape of respw, or if
// nothing was written: callers wrap w before they run a handler.
func Handle(w http.ResponseWriter, r *http.Request, err error, hook Hook, logger *slog.Logger) {
	rw, w := respw.Wrap(w, r)
	status := statusOf(err)
	switch {
	case errors.Is(err, http.ErrAbortHandler):
		respw.Abort(w)
	case errors.Is(err, http.ErrHandlerTimeout), taken(w), timedOut(r):
		return // the layer that took the response away has answered and logged
	case Answered(err):
		if status >= 500 {
			Log(logger, r, status, err)
		}
		return
	case rw.Committed():
		if !ClientGone(r, err) {
			Log(logger, r, status, err)
		}
		if !rw.Complete() && !rw.Hijacked() {
			respw.Abort(w)
		}
		return
	case ClientGone(r, err):
		// Nothing is written, and nothing that looks like an answer is left to
		// those outside who keep answers or count them.
		respw.Abort(w)
	}
	if answered := Render(w, r, err, hook); max(answered, status) >= 500 {
		Log(logger, r, max(answered, status), err)
	}
}

// taken reports whether a layer outside has taken the response away.
func taken(w http.ResponseWriter) (taken bool) {
	respw.Each(w, func(rw *respw.Writer) { taken = taken || rw.Dead() != nil })
	return taken
}

// Render has the hook answer err, and answers 500 itself if the hook is silent:
// that would leave an empty 200 behind. It returns the status of the answer.
// Nil for hook is the nearest that a layer outside has left in a respw.Writer,
// so that a service says once how it answers errors; without any it is
// [Problem].
func Render(w http.ResponseWriter, r *http.Request, err error, hook Hook) (status int) {
	rw, w := respw.Wrap(w, r)
	if hook == nil {
		hook = respw.OnError(w)
	}
	if hook == nil {
		hook = Problem
	}
	discard(w.Header())
	// A hook that fails to answer in its turn has had its chance.
	outer := rw.OnError
	rw.OnError = Problem
	defer func() { rw.OnError = outer }()
	hook(w, r, err)
	if !rw.Committed() {
		Problem(w, r, &Error{Status: http.StatusInternalServerError})
	}
	return rw.Status()
}

// Fail answers 500 for a response that could not be made, unless the header is
// known to be out, and returns err marked as answered.
func Fail(w http.ResponseWriter, r *http.Request, err error) error {
	if respw.Out(w) {
		return err
	}
	Render(w, r, &Error{Status: http.StatusInternalServerError, Cause: err}, nil)
	return Mark(err)
}

// timedOut reports whether the context ended because a layer of the kit took
// the response away.
func timedOut(r *http.Request) bool {
	return r.Context().Err() != nil && Answered(context.Cause(r.Context()))
}

// Log writes the one record that an answer of 500 or more leaves behind.
func Log(logger *slog.Logger, r *http.Request, status int, err error, more ...slog.Attr) {
	attrs := append([]slog.Attr{
		slog.String("method", r.Method),
		slog.String("pattern", cmp.Or(r.Pattern, r.URL.Path)),
		slog.Int("status", status),
		slog.Any("error", err),
	}, more...)
	cmp.Or(logger, slog.Default()).LogAttrs(r.Context(), slog.LevelError, "apiece: request failed", attrs...)
}
