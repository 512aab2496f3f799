package exchange_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/testkit"
)

func TestNodeSlots(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	if exchange.Find(r.Context()) != nil {
		t.Fatal("a request the kit never saw has a node")
	}
	if _, ok := exchange.Get[*int](r, exchange.Body); ok {
		t.Fatal("Get found a value without a node")
	}

	type userKey struct{}
	r = r.WithContext(context.WithValue(r.Context(), userKey{}, "user"))
	outer, r := exchange.Copy(r, nil)
	n := 7
	outer.Set(exchange.Body, &n)
	if got, ok := exchange.Get[*int](r, exchange.Body); !ok || got != &n {
		t.Errorf("Get = %v, %v; want the stored pointer", got, ok)
	}
	if _, ok := exchange.Get[*string](r, exchange.Body); ok {
		t.Error("Get returned a value of another type")
	}
	if _, ok := exchange.Get[*int](r, exchange.Deadline); ok {
		t.Error("Get returned the value of another slot")
	}
	if r.Context().Value(userKey{}) != "user" {
		t.Error("values of the parent context are hidden")
	}
}

func TestNodeChildStartsWithParentSlots(t *testing.T) {
	a, b := 1, 2
	outer, r := exchange.Copy(httptest.NewRequest("GET", "/", nil), nil)
	outer.Set(exchange.Body, &a)

	// A foreign context is between the two.
	ctx, cancel := context.WithCancel(r.Context())
	inner, child := exchange.Copy(r.WithContext(ctx), exchange.Find(ctx))
	if got, _ := exchange.Get[*int](child, exchange.Body); got != &a {
		t.Error("the child does not see what its parent knew")
	}
	inner.Set(exchange.Body, &b)
	if got, _ := exchange.Get[*int](r, exchange.Body); got != &a {
		t.Error("what the child learned reached its parent")
	}
	cancel()
	if child.Context().Err() == nil {
		t.Error("the node outlives the context it stands on")
	}
}

func TestDetach(t *testing.T) {
	node, r := exchange.Copy(httptest.NewRequest("GET", "/", nil), nil)
	n := 1
	node.Set(exchange.Body, &n)

	r = r.WithContext(exchange.Detach(r.Context()))
	if _, ok := exchange.Get[*int](r, exchange.Body); ok {
		t.Error("a request of the kit's own reads the state of another")
	}
	exchange.Find(r.Context()).Set(exchange.Body, new(int))
	if node.Get(exchange.Body) != &n {
		t.Error("a request of the kit's own writes the state of another")
	}
}

func TestNodeStartsNoGoroutine(t *testing.T) {
	// context.WithCancel starts a goroutine for a foreign parent, unless its Done
	// channel is that of a context it knows.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, r := exchange.Copy(httptest.NewRequest("GET", "/", nil).WithContext(ctx), nil)
	child, stop := context.WithCancel(r.Context())
	defer stop()
	cancel()
	if child.Err() == nil {
		t.Error("the cancellation has to travel through a goroutine")
	}
}

func TestNodeAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	r := httptest.NewRequest("GET", "/", nil)
	n := 1
	got := testing.AllocsPerRun(100, func() {
		node, r := exchange.Copy(r, nil)
		node.Set(exchange.Body, &n)
		node.Set(exchange.Deadline, &n)
		if _, ok := exchange.Get[*int](r, exchange.Body); !ok {
			t.Fatal("lost")
		}
	})
	if got > 1 {
		t.Errorf("%v allocations for the node and the copy of the request, want 1", got)
	}
}

// A writer is stored for one request, and for its copies.
func TestWriterOf(t *testing.T) {
	w := httptest.NewRecorder()
	post := func() *http.Request { return httptest.NewRequest("POST", "/", strings.NewReader("x")) }
	r := exchange.WithWriter(w, post())
	if exchange.WriterOf(r) != w {
		t.Error("nothing is left")
	}
	if exchange.WriterOf(r.WithContext(context.WithValue(r.Context(), t, t))) != w {
		t.Error("a copy of the request has lost it")
	}
	if own := post().WithContext(r.Context()); exchange.WriterOf(own) != nil {
		t.Error("a request that a handler makes has the writer of another")
	} else if other := httptest.NewRecorder(); exchange.WriterOf(exchange.WithWriter(other, own)) != other || exchange.WriterOf(r) != w {
		t.Error("the request that a handler makes has none of its own, or has taken that of another")
	}
	if exchange.WriterOf(r.WithContext(exchange.Detach(r.Context()))) != nil {
		t.Error("a request of the kit's own has the writer of another")
	}
	if again := exchange.WithWriter(httptest.NewRecorder(), r); again != r || exchange.WriterOf(again) != w {
		t.Error("a writer is left twice")
	}
	if get := httptest.NewRequest("GET", "/", nil); exchange.WithWriter(w, get) != get {
		t.Error("a request without a body is copied")
	}
	inner := exchange.WithDefaults(nil, post().WithContext(r.Context()), func(http.ResponseWriter, *http.Request, error) {}, nil)
	if exchange.WriterOf(inner) != nil {
		t.Error("a node for another request still has the writer")
	}

	// Known values are not passed again.
	logger := slog.New(slog.DiscardHandler)
	if inside := exchange.WithDefaults(w, r, nil, logger); inside == r || exchange.WithDefaults(w, inside, nil, logger) != inside || exchange.WithDefaults(w, r, nil, nil) != r {
		t.Error("a node for nothing new, or none for something new")
	}

	if testkit.Race {
		return
	}
	plain := post()
	if n := testing.AllocsPerRun(100, func() { exchange.WithWriter(w, plain) }); n > 1 {
		t.Errorf("%v allocations for a request that has no node, want 1", n)
	}
	node, has := exchange.Copy(plain, nil)
	if n := testing.AllocsPerRun(100, func() { node.Of = nil; exchange.WithWriter(w, has) }); n > 0 {
		t.Errorf("%v allocations for one that has a node, want none", n)
	}
}
