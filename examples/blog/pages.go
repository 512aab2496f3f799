package main

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// archive serves /api/post/[...slug]: /api/post/a/b gives "Post: a, b".
func archive(w http.ResponseWriter, r *http.Request) {
	reply.Send(w, r, http.StatusOK, "Post: "+strings.Join(pattern.Values(r, "slug"), ", "))
}

// docs serves /api/docs/[[...slug]] with Next's req.query: path and query
// string in one.
func docs(w http.ResponseWriter, r *http.Request) {
	reply.JSON(w, r, http.StatusOK, pattern.Query(r))
}

// A message is what the contact form sends.
type message struct {
	Email   string `json:"email" validate:"required,email"`
	Message string `json:"message" validate:"required,max=500"`
	Next    string `json:"next"`
}

// contact takes a form and sends the browser on. Local answers 303, so that the
// next page is fetched with GET, and goes nowhere but this site, whatever the
// form says.
func contact(w http.ResponseWriter, r *http.Request) error {
	in, err := bind.Body[message](r)
	if err != nil {
		return err
	}
	return redirect.Local(w, r, in.Next, "/?sent=1")
}

// A choice is the theme of the page.
type choice struct {
	Theme string `json:"theme" validate:"required,oneof=light dark"`
}

// theme keeps a choice in a cookie.
func theme() http.Handler {
	return middleware.Methods{
		"GET": bind.Func(func(r *http.Request, _ struct{}) (map[string]string, error) { return cookies.All(r), nil }),
		"POST": bind.Handler(func(w http.ResponseWriter, r *http.Request, in choice) error {
			err := cookies.Set(w, &http.Cookie{
				Name: "theme", Value: in.Theme,
				Path: "/", MaxAge: 30 * 24 * 3600, SameSite: http.SameSiteLaxMode, HttpOnly: true,
			})
			if err != nil {
				return err
			}
			return reply.Send(w, r, http.StatusNoContent, nil)
		}),
		"DELETE": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if err := cookies.Delete(w, &http.Cookie{Name: "theme", Path: "/"}); err != nil {
				return err
			}
			return reply.Send(w, r, http.StatusNoContent, nil)
		}),
	}
}

var verify = bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", []byte(webhookSecret))

// webhook takes deliveries that are signed the way GitHub signs them.
func webhook(w http.ResponseWriter, r *http.Request) error {
	body, err := bodyparser.Parse(w, r, bodyparser.Config{Limit: 25 * bytesize.MB, Verify: verify})
	if err != nil {
		return err
	}
	var delivery struct {
		Action string `json:"action"`
	}
	if err := body.Decode(&delivery); err != nil {
		return err
	}
	return reply.JSON(w, r, http.StatusOK, map[string]any{"action": delivery.Action, "bytes": len(body.Bytes())})
}

// slow works for ?ms= milliseconds, and does not look at its context. The
// Timeout around it keeps the client from waiting.
func slow(w http.ResponseWriter, r *http.Request) error {
	ms, err := number(r, "ms", 5000)
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return reply.JSON(w, r, http.StatusOK, map[string]int{"ms": ms})
}

// big answers with ?kb= kilobytes. The ResponseLimit around it refuses more
// than 64.
func big(w http.ResponseWriter, r *http.Request) error {
	kb, err := number(r, "kb", 8192)
	if err != nil {
		return err
	}
	return reply.Send(w, r, http.StatusOK, strings.Repeat("x", kb<<10))
}

// number returns a parameter of the query, which is one from 0 to most. Left out
// it is 0.
func number(r *http.Request, name string, most int) (int, error) {
	text := cmp.Or(r.URL.Query().Get(name), "0")
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, reply.NewError(http.StatusBadRequest, fmt.Sprintf("%s is a number from 0 to %d", name, most)).WithCause(err)
	}
	return n, nil
}
