// Package middleware compares the pieces of package middleware, alone and combined,
// with what Go services use for the same work.
package middleware

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/null"
)

// A rival is one way to put something around a handler.
type rival struct {
	name   string
	module string
	role   compare.Role
	wrap   func(http.Handler) http.Handler
}

var bare = rival{name: "bare", role: compare.Floor, wrap: func(h http.Handler) http.Handler { return h }}

func kit(name string, wrap func(http.Handler) http.Handler) rival {
	return rival{name: name, role: compare.Kit, wrap: wrap}
}

func stdlib(name string, wrap func(http.Handler) http.Handler) rival {
	return rival{name: name, wrap: wrap}
}

// body is the body of a request.
const body = `{"title":"Hello","text":"A post of the usual length, with a few words in it.","tags":["a","b"]}`

// around puts the rivals around a handler. The response is that of the handler: none
// of them may change it.
func around(name, text string, protocol int, body string, handler http.HandlerFunc, rivals ...rival) compare.Comparison {
	c := compare.Comparison{Name: name, Text: text, Unit: "request"}
	for _, r := range rivals {
		c.Contenders = append(c.Contenders, compare.Contender{Name: r.name, Module: r.module, Role: r.role, Start: func(run *compare.Run) func() {
			h := r.wrap(handler)
			w, requests := null.NewWriter(), null.NewRequest("POST", "/api/post/1", "Content-Type", "application/json")
			requests.Protocol(protocol)
			text := []byte(body)
			run.Answer(func() string {
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, requests.Fresh(text))
				return fmt.Sprint(rec.Code, rec.Body.String())
			})
			return func() {
				w.Reset()
				h.ServeHTTP(w, requests.Fresh(text))
			}
		}})
	}
	return c
}

// Suite has the comparisons of package middleware.
func Suite() compare.Suite {
	s := compare.Suite{
		Name: "middleware",
		Text: "What stands around a handler that writes a little, or what else the text says. Nothing is subtracted: `bare` is the handler with nothing around it. " +
			"Behind all of them the client has to get what the handler wrote.",
		Findings: []compare.Finding{aborts},
	}
	s.Comparisons = append(s.Comparisons, timeouts()...)
	s.Comparisons = append(s.Comparisons, wrappers()...)
	s.Comparisons = append(s.Comparisons, layers()...)
	return s
}
