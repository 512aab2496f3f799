// Package problem turns an error into a response.
//
// The packages of this module share no error type. The parts of the response are found
// by their methods, anywhere in the tree of an error:
//
//	StatusCode() int                   the status, 400 to 599
//	PublicMessage() string             the text for the client
//	Header() http.Header               header fields of the response
//	ProblemMembers() map[string]any    further members of the problem details
//	ClientGone() bool                  the client has gone
//
// The first error with a status decides, and supplies the next three as well.
//
// The text of Error is for the log and never leaves the server.
package problem

import (
	"context"
	"errors"
	"net/http"
)

// find returns the first error in the tree of err that is a T.
func find[T any](err error) (T, bool) {
	var t T
	return t, err != nil && errors.As(err, &t)
}

type statusCoder interface{ StatusCode() int }

// statusOf returns the status for err: its StatusCode if that is an error status, 413
// for a body over the limit of http.MaxBytesReader, else 500.
func statusOf(err error) int {
	if c, ok := find[statusCoder](err); ok {
		if status := c.StatusCode(); status >= 400 && status <= 599 {
			return status
		}
		return http.StatusInternalServerError
	}
	if _, ok := find[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}

// decisive returns the error in the tree of err that determines the response: the first
// with a status, since another may contradict it. If none has a status, it is the first
// with something for the client.
func decisive(err error) any {
	if c, ok := find[statusCoder](err); ok {
		return c
	}
	p, _ := find[publisher](err)
	return p
}

type publisher interface{ PublicMessage() string }

// messageOf returns the text about err for the client: the PublicMessage of the error
// that decides the status, or "".
func messageOf(err error) string {
	if p, ok := decisive(err).(publisher); ok {
		return p.PublicMessage()
	}
	return ""
}

// ClientGone reports whether the client has gone. An error with a ClientGone method
// decides: net/http cancels the request whenever it cannot read on, even for a
// deadline, or for a client that closed its side and waits. Otherwise it is whether the
// request was canceled. A deadline that passed does not count, nor does a context of
// the handler's own, nor one that a layer ended with a response as its cause.
func ClientGone(r *http.Request, err error) bool {
	if g, ok := find[interface{ ClientGone() bool }](err); ok {
		return g.ClientGone()
	}
	if _, ok := find[*http.MaxBytesError](err); ok {
		return false // it sent too much, and our own deadline stops it from sending more
	}
	if r.Context().Err() != context.Canceled {
		return false
	}
	_, ours := find[statusCoder](context.Cause(r.Context()))
	return !ours
}

// Error is an error with a status and a text for the client.
type Error struct {
	Status  int
	Message string // for the client; "" is the status text
	Cause   error  // for the log
}

// Error returns the text for the log.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = http.StatusText(e.Status)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) StatusCode() int       { return e.Status }
func (e *Error) PublicMessage() string { return e.Message }
func (e *Error) Unwrap() error         { return e.Cause }

// Logged returns err marked as logged, or as needing no record. Whether it belongs to
// this response is for the Writer to decide.
func Logged(err error) error { return logged{err} }

type logged struct{ error }

func (l logged) Unwrap() error { return l.error }

func isLogged(err error) bool {
	_, ok := find[logged](err)
	return ok
}
