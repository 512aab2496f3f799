// Package exchange holds what the pieces of the kit know about one request
// while it is being served, in a single context node.
//
// Every piece that keeps something per request would otherwise add a context
// value of its own, and with it a copy of the request: two allocations a
// piece. A [Node] has a [Slot] for each piece instead. The first piece that
// needs one attaches it; those further in find it and fill their slot.
//
// A node belongs to one goroutine at a time, the one that serves the request.
// A piece that lets a handler outlive its caller, or whose context ends on its
// own, does not write to a node it found: it attaches a child, which starts
// with the slots of its parent.
package exchange

import (
	"context"
	"log/slog"
	"mime/multipart"
	"net/http"
	"reflect"
	"time"
)

// A Slot names the piece that owns a value in a [Node].
type Slot uint8

const (
	Body     Slot = iota // bodyparser: the body that was read
	Deadline             // middleware.Timeout: an [Extender]
	Cache                // middleware/cache: the entry being filled
	Writer               // where reading the body gets its deadline: the http.ResponseWriter of a layer outside, see [Node.Leave]
	numSlots
)

// An Extender is what the [Deadline] slot holds: the deadline in force, which
// a handler may move and an open stream lifts. The interface lives here
// because stream and middleware do not import each other.
type Extender interface {
	// Extend moves the deadline to d from now; a negative d lifts it.
	Extend(d time.Duration) error
	// AtLeast does the same unless the deadline is later already.
	AtLeast(d time.Duration) error
	// EndsWithin reports whether a handler that writes nothing, and all that it
	// reads, is interrupted after no more than d.
	EndsWithin(d time.Duration) bool
}

// An ErrorHook is the type of every OnError in the kit.
type ErrorHook = func(http.ResponseWriter, *http.Request, error)

// A Said is what layers outside say to those inside. The zero Said says nothing.
type Said struct {
	OnError ErrorHook                   // how errors are answered, unless a piece has a hook of its own
	Logger  *slog.Logger                // where failures are logged, unless a piece has a logger of its own
	Marshal func(v any) ([]byte, error) // how values become JSON in answers
}

// A Node is a context that carries one value per slot. The zero Node is ready
// for [Node.Attach]. Pieces embed a Node in what they allocate anyway.
type Node struct {
	context.Context
	Said
	slots [numSlots]any

	// hooks is how many hooks are running, one within the other.
	hooks int

	// Of is the header of the request that the slots Body and Writer are about: a
	// handler may make a request of its own in the context of another.
	Of http.Header
}

// About reports whether the slots Body and Writer are about r.
func (n *Node) About(r *http.Request) bool {
	return r.Header != nil && reflect.ValueOf(n.Of).Pointer() == reflect.ValueOf(r.Header).Pointer()
}

// Leave leaves w for the functions further in that read the body of r and are
// not given a writer. What the node knew of another request is forgotten.
func (n *Node) Leave(w http.ResponseWriter, r *http.Request) {
	if !n.About(r) {
		n.Of, n.slots[Body] = r.Header, nil
	}
	n.slots[Writer] = w
}

// WriterOf returns what [Node.Leave] has left for r, or nil.
func WriterOf(r *http.Request) http.ResponseWriter {
	if n := Find(r.Context()); n != nil && n.About(r) {
		w, _ := n.slots[Writer].(http.ResponseWriter)
		return w
	}
	return nil
}

type nodeKey struct{}

// Value returns the node itself for the key of this package, and asks the
// parent for every other.
func (n *Node) Value(key any) any {
	if _, ok := key.(nodeKey); ok {
		return n
	}
	return n.Context.Value(key)
}

// Get returns what the slot holds, nil if it was never filled.
func (n *Node) Get(s Slot) any { return n.slots[s] }

// Set fills the slot. Store pointers: anything else is boxed.
func (n *Node) Set(s Slot, v any) { n.slots[s] = v }

// Attach makes n a child of ctx, and gives it the slots of outer: the node that
// ctx carries, nil if there is none, which the caller has looked for.
func (n *Node) Attach(ctx context.Context, outer *Node) {
	n.Context = ctx
	if outer != nil {
		n.Said, n.slots, n.hooks, n.Of = outer.Said, outer.slots, outer.hooks, outer.Of
	}
}

// Copy returns a copy of r with a node of its own, which is attached to outer, in
// one allocation.
func Copy(r *http.Request, outer *Node) (*Node, *http.Request) {
	own := new(struct {
		Node
		request http.Request
	})
	own.Attach(r.Context(), outer)
	own.request = *r.WithContext(&own.Node)
	return &own.Node, &own.request
}

// Find returns the nearest node of ctx, or nil.
func Find(ctx context.Context) *Node {
	n, _ := ctx.Value(nodeKey{}).(*Node)
	return n
}

// Get returns the value of type T that the slot of the request's node holds.
func Get[T any](r *http.Request, s Slot) (v T, ok bool) {
	if n := Find(r.Context()); n != nil {
		v, ok = n.slots[s].(T)
	}
	return v, ok
}

// SaidTo returns what layers outside say to what serves r.
func SaidTo(r *http.Request) Said {
	if n := Find(r.Context()); n != nil {
		return n.Said
	}
	return Said{}
}

// Say returns a copy of r with a node of its own, by which everything inside
// learns how errors are answered and where to log, and finds w. Nil is to say
// nothing; r itself is returned where that is all, or known inside already.
// [HandBack] is for when the handler has returned.
func Say(w http.ResponseWriter, r *http.Request, onError ErrorHook, logger *slog.Logger) *http.Request {
	outer := Find(r.Context())
	if onError == nil && (logger == nil || outer != nil && outer.Logger == logger) {
		return r
	}
	own, inside := Copy(r, outer)
	own.Say(onError, logger)
	if w != nil {
		own.Leave(w, r)
	}
	return inside
}

// Say is the function [Say] for what n is the node of.
func (n *Node) Say(onError ErrorHook, logger *slog.Logger) {
	if onError != nil {
		n.OnError = onError
	}
	if logger != nil {
		n.Logger = logger
	}
}

// ForHook returns the copy of r for a hook that answers an error, by which what it
// calls learns where to log, as by [Say], and that no hook outside is to answer its
// errors.
func ForHook(r *http.Request, logger *slog.Logger) *http.Request {
	own, inside := Copy(r, Find(r.Context()))
	own.hooks++
	own.OnError = nil
	own.Say(nil, logger)
	return inside
}

// Hooks returns how many hooks are running for r, one within the other.
func Hooks(r *http.Request) int {
	if n := Find(r.Context()); n != nil {
		return n.hooks
	}
	return 0
}

// WithWriter returns the request to hand on, with w, to code that may read the
// body without being given w: r itself, unless the body is still to come and no
// layer outside has left a writer for it. Then it is a copy, as by [Say].
func WithWriter(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	node := Find(r.Context())
	if node != nil && (node.Of == nil || node.About(r)) {
		if node.slots[Writer] == nil {
			node.Leave(w, r)
		}
		return r
	}
	own, inside := Copy(r, node)
	own.Leave(w, r)
	return inside
}

// HandBack tells the request that came in what became of its copy, once the
// handler has returned: the pattern that matched, for the layers that log it. The files
// of a form that was parsed in between are removed.
func HandBack(r, inside *http.Request) {
	r.Pattern = inside.Pattern
	RemoveFiles(inside, r.MultipartForm)
}

// RemoveFiles removes the files of the form of r, unless it is the one from
// before: that was parsed outside, where it may still be needed.
// A piece defers the call with r.MultipartForm when it hands r on.
//
// net/http removes the files of the request that it made itself, not those of
// a copy, none if a handler panics, and since go1.27 none over HTTP/2.
func RemoveFiles(r *http.Request, before *multipart.Form) {
	if form := r.MultipartForm; form != nil && form != before {
		_ = form.RemoveAll()
	}
}

// Detach returns ctx with a node over whatever node it carries, that keeps what
// layers outside say and nothing else. The requests that the
// kit makes itself (a revalidation, a refresh) start from it, so that they neither
// read nor write the state of the request they were made for.
func Detach(ctx context.Context) context.Context {
	n := &Node{Context: ctx}
	if parent := Find(ctx); parent != nil {
		n.Said, n.hooks = parent.Said, parent.hooks
	}
	return n
}
