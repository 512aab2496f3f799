package torture_test

import (
	"net/http"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

type hook = func(http.ResponseWriter, *http.Request, error)

// refusing are pieces that reject a request through a hook.
func refusing(onError hook) []piece {
	const notFound = `{"title":"Not Found","status":404}`
	notHere := func(http.ResponseWriter, *http.Request) error { return reply.NewError(404, "") }
	bad := func(p piece) piece {
		p.status, p.want = 400, `{"title":"Bad Request","status":400,"detail":"Invalid JSON"}`
		return posting("application/json", "{", p)
	}
	return []piece{
		bad(piece{name: "bodyparser.New", make: func(t *host) http.Handler {
			return bodyparser.New(bodyparser.Config{OnError: onError, Logger: t.Logger()})(http.NotFoundHandler())
		}}),
		bad(piece{name: "bind.HandlerWith", make: func(t *host) http.Handler {
			return bind.HandlerWith(bind.Config{OnError: onError, Logger: t.Logger()}, func(http.ResponseWriter, *http.Request, thing) error { return nil })
		}}),
		getting(piece{name: "reply.Handler", status: 404, want: notFound, make: func(*host) http.Handler { return reply.Handler(notHere, onError) }}),
		getting(piece{name: "reply.JSON", status: 500, want: `{"title":"Internal Server Error","status":500}`, records: 1, make: func(*host) http.Handler {
			return reply.Handler(func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, make(chan int)) }, onError)
		}}),
		getting(piece{name: "middleware.ResponseLimit", status: 500, want: `{"title":"Internal Server Error","status":500}`, records: 1, make: func(t *host) http.Handler {
			return middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 10, Action: middleware.LimitAbort, OnError: onError, Logger: t.Logger()})(
				reply.HandlerFunc(sendLong))
		}}),
		getting(piece{name: "pattern.NewHandler", status: 404, want: notFound, make: func(*host) http.Handler {
			h, err := pattern.NewHandler(map[string]http.Handler{"/other": http.NotFoundHandler()}, pattern.HandlerConfig{OnError: onError})
			if err != nil {
				panic(err)
			}
			return h
		}}),
		getting(piece{name: "stream.Handler", status: 404, want: notFound, make: func(t *host) http.Handler {
			return stream.Handler(stream.Config{OnError: onError, Logger: t.Logger()}, func(*stream.Stream) error { return reply.NewError(404, "") })
		}}),
	}
}

// TestFaultsOfHooks: a hook that writes nothing does not cause an empty response.
func TestFaultsOfHooks(t *testing.T) {
	tidy(t)
	for _, f := range []struct {
		name  string
		hook  hook
		right fate
	}{
		{"is silent", func(http.ResponseWriter, *http.Request, error) {}, failed | whole}, // a complete 500 may be intended
		{"panics", func(http.ResponseWriter, *http.Request, error) { panic("hook") }, failed | wholeNoted},
		{"panics in the middle", func(w http.ResponseWriter, r *http.Request, err error) {
			flushPart(w)
			panic("hook")
		}, failed | wholeNoted}, // what it wrote is in memory
		{"sends no status", func(w http.ResponseWriter, r *http.Request, err error) { w.WriteHeader(0) }, failed | wholeNoted},
		{"aborts", func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, dropped},
	} {
		onError := func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Header.Get(nextField) != "" {
				reply.Problem(w, r, err)
				return
			}
			f.hook(w, r, err)
		}
		for _, p := range refusing(onError) {
			right := f.right
			if right&wholeNoted != 0 && p.records == 1 {
				right |= whole // which has a record
			}
			for _, protocol := range []int{1, 2} {
				trial(t, "a hook that "+f.name, &p, setting{protocol: protocol}, right, false, func(t *site) answer { return t.send(nil, false) })
			}
		}
	}
}
