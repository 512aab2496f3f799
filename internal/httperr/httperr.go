// Package httperr is how the kit turns an error into an answer.
//
// The packages of the kit do not share an error type. What an answer needs is
// found structurally, anywhere in the tree of an error:
//
//	StatusCode() int                   the status, 400 to 599
//	PublicMessage() string             what the client may read
//	Header() http.Header               header fields of the answer
//	ProblemMembers() map[string]any    further members of the problem document
//	ClientGone() bool                  no client is left to answer to
//
// The first error with a status decides, and the three after it are asked of
// that one.
//
// The text of Error is for the log and never leaves the server.
package httperr

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

// statusOf returns the status for err: its StatusCode if that is an error
// status, 413 for a body over the limit of http.MaxBytesReader, else 500.
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

// decisive returns the error in the tree of err that says what the answer is:
// the first with a status. What another one says may contradict it. Without
// any it is the first that has something to tell the client.
func decisive(err error) any {
	if c, ok := find[statusCoder](err); ok {
		return c
	}
	p, _ := find[publisher](err)
	return p
}

type publisher interface{ PublicMessage() string }

// messageOf returns what the client may read about err: the PublicMessage of
// the error that decides the status, or "" if it has none.
func messageOf(err error) string {
	if p, ok := decisive(err).(publisher); ok {
		return p.PublicMessage()
	}
	return ""
}

// ClientGone reports whether no client is left to answer to. An error that has
// something to say about it is believed: net/http cancels the request whenever
// it cannot read on, even if that is for a deadline, or because a client has
// closed its side and waits. Else it is whether the request was cancelled. A
// deadline that passed is no such case, nor is a context of the handler's own,
// nor one that a piece of the kit has ended with an answer for its cause.
func ClientGone(r *http.Request, err error) bool {
	if g, ok := find[interface{ ClientGone() bool }](err); ok {
		return g.ClientGone()
	}
	if _, ok := find[*http.MaxBytesError](err); ok {
		return false // it has sent too much, and the deadline that keeps it from sending more is ours
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
	Message string // for the client; "" is the text of the status
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

// Logged returns err marked as one that has left its record, or needs none. That
// the response it was about is this one is for the Writer to say.
func Logged(err error) error { return logged{err} }

type logged struct{ error }

func (l logged) Unwrap() error { return l.error }

func isLogged(err error) bool {
	_, ok := find[logged](err)
	return ok
}
