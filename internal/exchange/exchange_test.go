package exchange_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/testkit"
)

func TestNode(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	if exchange.Find(r.Context()) != nil {
		t.Fatal("a request the kit never saw has a node")
	}
	if _, ok := exchange.Get[*int](r, exchange.Body); ok {
		t.Fatal("Get found a value without a node")
	}

	type userKey struct{}
	r = r.WithContext(context.WithValue(r.Context(), userKey{}, "user"))
	outer := new(exchange.Node)
	r = outer.Attach(r, nil)
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

func TestChildStartsWithTheSlotsOfItsParent(t *testing.T) {
	outer, inner := new(exchange.Node), new(exchange.Node)
	a, b := 1, 2
	r := outer.Attach(httptest.NewRequest("GET", "/", nil), nil)
	outer.Set(exchange.Body, &a)

	// Between the two stands a context of somebody else's.
	ctx, cancel := context.WithCancel(r.Context())
	child := inner.Attach(r.WithContext(ctx), exchange.Find(ctx))
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
	node := new(exchange.Node)
	r := node.Attach(httptest.NewRequest("GET", "/", nil), nil)
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

func TestContextsBelowShareOneDoneChannel(t *testing.T) {
	// context.WithCancel starts a goroutine for parents it does not know,
	// unless they hand it the channel of one it does.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := new(exchange.Node).Attach(httptest.NewRequest("GET", "/", nil).WithContext(ctx), nil)
	child, stop := context.WithCancel(r.Context())
	defer stop()
	cancel()
	if child.Err() == nil {
		t.Error("the cancellation has to travel through a goroutine")
	}
}

func TestAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	r := httptest.NewRequest("GET", "/", nil)
	n := 1
	got := testing.AllocsPerRun(100, func() {
		node := new(exchange.Node)
		r := node.Attach(r, nil)
		node.Set(exchange.Body, &n)
		node.Set(exchange.Deadline, &n)
		if _, ok := exchange.Get[*int](r, exchange.Body); !ok {
			t.Fatal("lost")
		}
	})
	if got > 2 {
		t.Errorf("%v allocations for the node and the copy of the request, want 2", got)
	}
}
