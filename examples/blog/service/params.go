package service

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

// archive serves /api/post/[...slug]: /api/post/a/b returns "Post: a, b".
func archive(w http.ResponseWriter, r *http.Request) {
	reply.Send(w, r, http.StatusOK, "Post: "+strings.Join(pattern.Values(r, "slug"), ", "))
}

// docs serves /api/docs/[[...slug]] with the req.query of Next.js: path parameters
// and query string merged.
func docs(w http.ResponseWriter, r *http.Request) {
	reply.JSON(w, r, http.StatusOK, pattern.Query(r))
}

// slow works for ?ms= milliseconds and ignores its context. The Timeout around it
// responds at the deadline.
func slow(w http.ResponseWriter, r *http.Request) error {
	ms, err := number(r, "ms", 5000)
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return reply.JSON(w, r, http.StatusOK, map[string]int{"ms": ms})
}

// big responds with ?kb= kilobytes. The ResponseLimit around it rejects more than 64.
func big(w http.ResponseWriter, r *http.Request) error {
	kb, err := number(r, "kb", 8192)
	if err != nil {
		return err
	}
	return reply.Send(w, r, http.StatusOK, strings.Repeat("x", kb<<10))
}

// number returns a query parameter, which must be from 0 to most. If it is absent, it is 0.
func number(r *http.Request, name string, most int) (int, error) {
	text := cmp.Or(r.URL.Query().Get(name), "0")
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, reply.NewError(http.StatusBadRequest, fmt.Sprintf("%s is a number from 0 to %d", name, most)).WithCause(err)
	}
	return n, nil
}
