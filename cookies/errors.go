package cookies

import (
	"fmt"
	"net/http"
)

// A LimitError reports a request whose Cookie headers exceed [MaxPairs] or
// [HeaderLimit].
type LimitError struct {
	Pairs int // pieces between semicolons, over all Cookie headers
	Bytes int // total length of the Cookie headers
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("cookies: Cookie header of %d pairs and %d bytes, want at most %d and %d",
		e.Pairs, e.Bytes, MaxPairs, HeaderLimit)
}

// StatusCode returns 431, Request Header Fields Too Large.
func (e *LimitError) StatusCode() int { return http.StatusRequestHeaderFieldsTooLarge }

// An Error reports a cookie that [Set] or [Delete] refuses. Its status is 500,
// because the server made the cookie.
type Error struct {
	Name   string // of the cookie
	Field  string // of http.Cookie, "" if several conflict
	Reason string // never contains the value
}

var errNil = &Error{Reason: "the cookie is nil"}

func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("cookies: cannot set %q: %s", e.Name, e.Reason)
	}
	return fmt.Sprintf("cookies: cannot set %q: %s %s", e.Name, e.Field, e.Reason)
}
