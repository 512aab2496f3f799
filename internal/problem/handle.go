package problem

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/response"
)

// An ErrorHook renders an error. It is the type of every OnError field.
type ErrorHook = exchange.ErrorHook

// Handle renders the error of a handler that has returned: usually it calls the hook,
// once, and logs a response of 500 or above. A nil hook or logger is the one of the
// layers outside, see [Render] and [Log].
//
// Whether a response was sent is a property of w, never of err:
//
//	a layer outside has taken the response away      nothing: that layer has responded and logged
//	err was rendered on this w, see Refuse           nothing
//	part of the response is sent                     log, and abort unless it is complete: an error text
//	                                                 after half a body would make the half look whole
//	the client has gone                              abort, so that no layer outside sees an empty 200
//	else                                             respond, and log
//
// The panic of an abort is http.ErrAbortHandler's.
//
// What was sent is known only if w is a response.Writer, or if nothing was written:
// callers wrap w before they run a handler.
func Handle(w http.ResponseWriter, r *http.Request, err error, hook ErrorHook, logger *slog.Logger) {
	rw, w := response.Wrap(w, r)
	isLogged := isLogged(err)
	switch standing := rw.Standing(); {
	case errors.Is(err, http.ErrAbortHandler):
		response.Abort(w, r)
	case standing == response.Gone, isLogged && rw.Answered():
	case standing == response.Free && ClientGone(r, err):
		response.Abort(w, r)
	case standing == response.Free:
		Render(w, r, err, hook, logger, !isLogged)
	default:
		if !isLogged && !ClientGone(r, err) {
			Log(logger, r, statusOf(err), err)
		}
		if standing == response.Part {
			response.Abort(w, r)
		}
	}
}

// Render has the hook render err into memory, sends that in one step, and logs a
// response of 500 or above, unless that is already logged. It reports false if the
// response was sent or taken away in the meantime. A nil hook is the OnError of the
// layers outside, or else [Problem].
func Render(w http.ResponseWriter, r *http.Request, err error, hook ErrorHook, logger *slog.Logger, logs bool) bool {
	rw, w := response.Wrap(w, r)
	m, logged := RenderMemory(w, rw.Header(), r, err, hook, logger)
	if !rw.Replace(m) {
		return false
	}
	if status := max(m.Status, statusOf(err)); status >= 500 && logs && !logged {
		Log(logger, r, status, err)
	}
	return true
}

// RenderMemory returns what [Render] sends: the response to err in memory, for a w whose
// header is base. If the hook panics, which is logged, [Problem] responds. If the hook writes
// nothing, which would leave an empty 200, the response is a 500.
func RenderMemory(w http.ResponseWriter, base http.Header, r *http.Request, err error, hook ErrorHook, logger *slog.Logger) (m *response.Memory, logged bool) {
	hook = hookFor(r, hook)
	fresh := func() {
		m = response.NewMemory(base)
		discard(m.Header())
	}
	fresh()
	if !call(hook, w, m, r, err, logger) {
		logged = true
		fresh()
		Problem(m, r, err)
	}
	if m.Status == 0 {
		fresh()
		Problem(m, r, &Error{Status: http.StatusInternalServerError})
	}
	return m, logged
}

// hookFor returns the hook for errors: the given one, the one of the layers outside, or
// Problem. A hook may run a handler that fails and has a hook of its own; Problem
// renders that error, since it would recurse otherwise.
func hookFor(r *http.Request, hook ErrorHook) ErrorHook {
	switch {
	case exchange.Hooks(r) > 1:
		return Problem
	case hook != nil:
		return hook
	}
	if hook := exchange.DefaultsFor(r).OnError; hook != nil {
		return hook
	}
	return Problem
}

// call has the hook render err to m, and reports whether it ran without a panic. If the
// hook aborts, w is aborted.
func call(hook ErrorHook, w http.ResponseWriter, m *response.Memory, r *http.Request, err error, logger *slog.Logger) (ok bool) {
	defer func() {
		if ok {
			return
		}
		if v := recover(); v == http.ErrAbortHandler {
			response.Abort(w, r)
		} else if v != nil {
			LogPanic(logger, r, v, slog.Any("answering", err))
		}
	}()
	inside := exchange.ForHook(r, logger)
	defer exchange.RemoveFiles(inside, r.MultipartForm)
	hook(m, inside, err)
	return true
}

// Fail responds with 500 for a response that could not be built, logs that, and returns
// err marked as logged. If it is too late for a response, it does neither.
func Fail(w http.ResponseWriter, r *http.Request, err error) error {
	return Refuse(w, r, &Error{Status: http.StatusInternalServerError, Cause: err}, err, nil, nil)
}

// Refuse responds with the error answer for a function that returns err, so that a
// caller who drops err leaves no empty 200. It returns err, marked as logged if it was
// rendered: a response of 500 or above has its log record.
func Refuse(w http.ResponseWriter, r *http.Request, answer, err error, hook ErrorHook, logger *slog.Logger) error {
	if response.TooLate(w) || ClientGone(r, err) {
		return err
	}
	// A response inside a hook is logged with the error of the hook.
	if !Render(w, r, answer, hook, logger, exchange.Hooks(r) == 0) {
		return err
	}
	response.MarkAnswered(w)
	return Logged(err)
}
