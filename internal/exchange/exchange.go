// Package exchange holds the state of one request while it is served, for all packages
// of this module, in a single context node.
//
// A context value per layer would need a copy of the request per layer: two allocations
// each. A [Node] has a [Slot] for each layer instead. The first layer that needs one
// attaches it; layers further in find it and fill their slot.
//
// A node belongs to one goroutine at a time, the one that serves the request. A layer
// that lets a handler outlive its caller, or whose context ends on its own, does not
// write to a node it found: it attaches a child, which starts with the slots of its
// parent.
package exchange

import (
	"context"
	"log/slog"
	"mime/multipart"
	"net/http"
	"reflect"
	"time"
)

// A Slot names the package that owns a value in a [Node].
type Slot uint8

const (
	Body     Slot = iota // bodyparser: the body that was read
	Deadline             // middleware.Timeout: an [Extender]
	Cache                // middleware/cache: the entry being filled
	Writer               // the ResponseWriter of a layer outside that bounds reading the body, see [Node.SetWriter]
	numSlots
)

// An Extender is what the [Deadline] slot holds: the current deadline, which a handler
// may move and an open stream lifts. It is declared here because stream and middleware
// do not import each other.
type Extender interface {
	// Extend moves the deadline to d from now; a negative d lifts it.
	Extend(d time.Duration) error
	// AtLeast moves the deadline to d from now unless it is already later.
	AtLeast(d time.Duration) error
	// EndsWithin reports whether a handler that writes nothing, and all its reads, are
	// interrupted after at most d.
	EndsWithin(d time.Duration) bool
	// Reading notes whether the kit waits for the body: a deadline that passes meanwhile
	// is the fault of the client.
	Reading(bool)
}

// An ErrorHook is the type of every OnError field.
type ErrorHook = func(http.ResponseWriter, *http.Request, error)

// Defaults are what layers outside pass to those inside. The zero Defaults pass nothing.
type Defaults struct {
	OnError ErrorHook                   // renders errors, unless a layer has a hook of its own
	Logger  *slog.Logger                // logs failures, unless a layer has a logger of its own
	Marshal func(v any) ([]byte, error) // encodes values as JSON in responses
}

// A Node is a context that carries one value per slot. The zero Node is ready for
// [Node.Attach]. Layers embed a Node in a value that they allocate anyway.
type Node struct {
	context.Context
	Defaults
	slots [numSlots]any

	// hooks is the number of nested hooks that are running.
	hooks int32

	// detached is set for a request that no client waits for, see [Detach].
	detached bool

	// Of is the header of the request that the slots Body and Writer belong to: a
	// handler may create another request with the same context.
	Of http.Header
}

// About reports whether the slots Body and Writer belong to r.
func (n *Node) About(r *http.Request) bool {
	return r.Header != nil && reflect.ValueOf(n.Of).Pointer() == reflect.ValueOf(r.Header).Pointer()
}

// SetWriter stores w for functions further in that read the body of r without a writer.
// State of another request is cleared.
func (n *Node) SetWriter(w http.ResponseWriter, r *http.Request) {
	if !n.About(r) {
		n.Of, n.slots[Body] = r.Header, nil
	}
	n.slots[Writer] = w
}

// WriterOf returns the writer that [Node.SetWriter] stored for r, or nil.
func WriterOf(r *http.Request) http.ResponseWriter {
	if n := Find(r.Context()); n != nil && n.About(r) {
		w, _ := n.slots[Writer].(http.ResponseWriter)
		return w
	}
	return nil
}

type nodeKey struct{}

// Value returns the node itself for the key of this package, and the parent's value for
// any other key.
func (n *Node) Value(key any) any {
	if _, ok := key.(nodeKey); ok {
		return n
	}
	return n.Context.Value(key)
}

// Get returns the value of the slot, nil if it was never set.
func (n *Node) Get(s Slot) any { return n.slots[s] }

// Set fills the slot. Store pointers: anything else is boxed.
func (n *Node) Set(s Slot, v any) { n.slots[s] = v }

// Attach makes n a child of ctx, with the slots of outer: the node that ctx carries, or
// nil, which the caller has looked up.
func (n *Node) Attach(ctx context.Context, outer *Node) {
	n.Context = ctx
	if outer != nil {
		n.Defaults, n.slots, n.hooks, n.Of = outer.Defaults, outer.slots, outer.hooks, outer.Of
		n.detached = outer.detached
	}
}

// Copy returns a copy of r with a node of its own, attached to outer, in one
// allocation.
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

// DefaultsFor returns what layers outside pass to the handler of r.
func DefaultsFor(r *http.Request) Defaults {
	if n := Find(r.Context()); n != nil {
		return n.Defaults
	}
	return Defaults{}
}

// WithDefaults returns a copy of r with a node of its own, which passes onError, logger
// and w to everything inside. Nil passes nothing. It returns r itself if there is
// nothing to pass, or if it is known inside already. Call [HandBack] after the handler
// has returned.
func WithDefaults(w http.ResponseWriter, r *http.Request, onError ErrorHook, logger *slog.Logger) *http.Request {
	outer := Find(r.Context())
	if onError == nil && (logger == nil || outer != nil && outer.Logger == logger) {
		return r
	}
	own, inside := Copy(r, outer)
	own.SetDefaults(onError, logger)
	if w != nil {
		own.SetWriter(w, r)
	}
	return inside
}

// SetDefaults is [WithDefaults] for the request of n.
func (n *Node) SetDefaults(onError ErrorHook, logger *slog.Logger) {
	if onError != nil {
		n.OnError = onError
	}
	if logger != nil {
		n.Logger = logger
	}
}

// ForHook returns the copy of r for a hook that renders an error. It passes logger on,
// as [WithDefaults] does, and keeps hooks outside from rendering errors of the hook.
func ForHook(r *http.Request, logger *slog.Logger) *http.Request {
	own, inside := Copy(r, Find(r.Context()))
	own.hooks++
	own.OnError = nil
	own.SetDefaults(nil, logger)
	return inside
}

// Hooks returns the number of nested hooks that are running for r.
func Hooks(r *http.Request) int {
	if n := Find(r.Context()); n != nil {
		return int(n.hooks)
	}
	return 0
}

// WithWriter returns the request to pass, with w, to code that may read the body
// without w: r itself, unless the body is unread and no layer outside has stored a
// writer for it. Then it is a copy, as from [WithDefaults].
func WithWriter(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	node := Find(r.Context())
	if node != nil && (node.Of == nil || node.About(r)) {
		if node.slots[Writer] == nil {
			node.SetWriter(w, r)
		}
		return r
	}
	own, inside := Copy(r, node)
	own.SetWriter(w, r)
	return inside
}

// HandBack copies results from the copy to the original request after the handler has
// returned: the pattern that matched, for layers that log it. It removes the files of a
// form that was parsed in between.
func HandBack(r, inside *http.Request) {
	r.Pattern = inside.Pattern
	RemoveFiles(inside, r.MultipartForm)
}

// RemoveFiles removes the files of the form of r, unless the form is before: that one
// was parsed outside, where it may still be needed. A layer defers the call with
// r.MultipartForm when it passes r on.
//
// net/http removes the files of the request that it created, not those of a copy, none
// if a handler panics, and since go1.27 none over HTTP/2.
func RemoveFiles(r *http.Request, before *multipart.Form) {
	if form := r.MultipartForm; form != nil && form != before {
		_ = form.RemoveAll()
	}
}

// Detach returns ctx with a new node that keeps only what layers outside pass. Internal
// requests, such as a revalidation, start from it, so that they neither read nor write
// the state of the original request.
func Detach(ctx context.Context) context.Context {
	n := &Node{Context: ctx, detached: true}
	if parent := Find(ctx); parent != nil {
		n.Defaults, n.hooks = parent.Defaults, parent.hooks
	}
	return n
}

// SetDetached marks the request of n as one that no client waits for.
func (n *Node) SetDetached() { n.detached = true }

// IsDetached reports whether no client waits for the response to r.
func IsDetached(r *http.Request) bool {
	n := Find(r.Context())
	return n != nil && n.detached
}
