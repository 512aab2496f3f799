package reply_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// marked is an encoder that differs visibly from encoding/json.
func marked(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return append([]byte(" "), text...), err
}

// TestMarshalInnermost: the innermost encoder applies, through any layer, and only inside
// of it.
func TestMarshalInnermost(t *testing.T) {
	send := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return reply.Send(w, r, 200, []int{1}) })
	raw := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, 200, json.RawMessage("[1]"))
	})
	typed := bind.QueryFunc(func(*http.Request, struct{}) ([]int, error) { return []int{1}, nil })
	fails := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return reply.NewError(404, "none") })
	panics := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })
	hook := func(w http.ResponseWriter, r *http.Request, err error) { reply.JSON(w, r, 500, "hook") }
	with := reply.Marshal(marked)
	chain := func(cfg middleware.Config) alice.Constructor {
		cfg.Logger = slog.New(slog.DiscardHandler)
		return middleware.New(cfg)
	}
	all := middleware.Config{MaxDuration: 1e12, OnError: hook}
	tests := []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"without", send, "[1]"},
		{"alone", with(send), " [1]"},
		{"of a function", with(typed), " [1]"},
		{"raw", with(raw), "[1]"},
		{"a problem", with(fails), `{"title":"Not Found","status":404,"detail":"none"}`},
		{"within a chain", alice.New(chain(all), with).Then(send), " [1]"},
		{"around a chain", alice.New(with, chain(all)).Then(send), " [1]"},
		{"around a chain that says nothing", alice.New(with, chain(middleware.Config{})).Then(send), " [1]"},
		{"the innermost", alice.New(with, reply.Marshal(func(any) ([]byte, error) { return []byte("2"), nil })).Then(send), "2"},
		{"taken back", alice.New(with, reply.Marshal(nil)).Then(send), "[1]"},
		{"taken back in a chain", alice.New(chain(all), with, reply.Marshal(nil)).Then(send), "[1]"},
		{"a hook inside", alice.New(with, chain(all)).Then(panics), ` "hook"`},
		{"a hook outside", alice.New(chain(all), with).Then(panics), `"hook"`},
	}
	for _, tt := range tests {
		for range 2 { // the setting of one request does not affect the next
			w := httptest.NewRecorder()
			tt.handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if got := w.Body.String(); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
	}
}

// TestMarshalAnotherRequest: another request that a handler makes in its context,
// as on another goroutine, has no effect on it.
func TestMarshalAnotherRequest(t *testing.T) {
	send := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, 1) })
	outer := middleware.New(middleware.Config{MaxDuration: 1e12})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		inner := httptest.NewRecorder()
		reply.Marshal(marked)(http.HandlerFunc(func(_ http.ResponseWriter, r2 *http.Request) {
			send.ServeHTTP(inner, r2)
			send.ServeHTTP(w, r)
		})).ServeHTTP(inner, httptest.NewRequest("GET", "/", nil).WithContext(r.Context()))
		if got := inner.Body.String(); got != " 1" {
			t.Errorf("of the request that it was made for: %q", got)
		}
		return nil
	}))
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Body.String(); got != "1" {
		t.Errorf("of the request around it: %q", got)
	}
}

// TestMarshalFails: it is an encoding error, with a complete response.
func TestMarshalFails(t *testing.T) {
	for name, marshal := range map[string]func(any) ([]byte, error){
		"error": func(any) ([]byte, error) { return []byte("x"), errors.New("secret") },
		"panic": func(any) ([]byte, error) { panic("secret") },
	} {
		log := new(testkit.Log)
		r := httptest.NewRequest("GET", "/", nil)
		h := middleware.New(middleware.Config{Logger: log.Logger()})(reply.Marshal(marshal)(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			err := reply.JSON(w, r, 200, 1)
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			return err
		})))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 500 || w.Body.String() != `{"title":"Internal Server Error","status":500}` || log.Len() != 1 {
			t.Errorf("%s: %d %q, %d records", name, w.Code, w.Body, log.Len())
		}
	}
}

// TestMarshalAllocs: within a chain that has a node for the request it does not
// allocate.
func TestMarshalAllocs(t *testing.T) {
	if testkit.Race {
		return
	}
	text := []byte("1")
	fixed := func(any) ([]byte, error) { return text, nil }
	send := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, 1) })
	cfg := middleware.Config{MaxDuration: 1e12}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	count := func(h http.Handler) float64 {
		return testing.AllocsPerRun(100, func() { w.Body.Reset(); h.ServeHTTP(w, r) })
	}
	if with, without := count(middleware.Chain(cfg).Append(reply.Marshal(fixed)).Then(send)), count(middleware.Chain(cfg).Then(send)); with > without {
		t.Errorf("%v allocations, %v without", with, without)
	}
}
