package pattern

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
)

// A HandlerConfig configures a [Handler]. The zero value is ready to use.
type HandlerConfig struct {
	// NotFound serves requests that no route matches. Nil responds with 404
	// through OnError.
	NotFound http.Handler

	// OnError responds with 400 to a path with malformed percent-encoding (a
	// [*DecodeError]), and with 404 ([ErrNoMatch]) if NotFound is nil. Like the
	// OnError of a middleware.Config it also responds to the errors of handlers and
	// pieces of this module inside without their own OnError, such as the 405 of a
	// middleware.Methods. Nil is the OnError of the middleware.Config around it, else
	// problem details (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)

	// TrailingSlash says how the other form of a path is handled, the one with
	// a slash at the end. The zero value serves both forms. Next.js has
	// RedirectToBare, or RedirectToSlash with its option trailingSlash.
	TrailingSlash TrailingSlash

	// NoPathValues leaves r.PathValue unset if there is no router outside. Setting
	// it takes several times as long as the match and is the only allocation.
	// Values and Query then read the parameters from the path, which must still be
	// the one that was matched. Another Handler may be inside, but neither an
	// http.StripPrefix nor an http.ServeMux: they lose the path or r.Pattern, and
	// [Query] could not prevent the query string from standing in for a parameter.
	NoPathValues bool
}

// Validate reports the first setting that NewHandler would refuse, as an error
// that names it, or nil.
func (c HandlerConfig) Validate() error {
	if c.TrailingSlash > RedirectToSlash {
		return fmt.Errorf("pattern: HandlerConfig: unknown TrailingSlash %d", c.TrailingSlash)
	}
	return nil
}

// A Handler serves requests by routes in the syntax of Next.js. It is immutable
// and safe for concurrent use.
//
// The handler of a route gets the pattern from r.Pattern and the parameters
// from r.PathValue, those of a catch-all joined by slashes; see [Values] and
// [Query] for exact lists. Setting path values takes most of the time of a
// request here, and is the only allocation; a service that wants neither gets
// the same match from a [Table]. In r.Pattern a static segment in braces is
// percent-encoded, because braces are wildcards of http.ServeMux. The pattern
// is set on the incoming request, so that layers around the Handler see it too,
// unless one of them has passed on a copy, as http.StripPrefix does.
//
// A request is matched by its encoded path. No route matches a path with an
// empty segment, or with one that is "." or ".." after decoding: those are not
// found.
type Handler struct {
	matcher
	targets []target // by precedence
	config  HandlerConfig
}

// A target is where a route leads.
type target struct {
	http.Handler
	pattern string // for r.Pattern
}

// NewHandler makes a handler of routes: patterns and their handlers. The errors
// are those of [NewTable]. A pattern has no method: "GET /post/[id]", as in
// http.ServeMux, is an error, since no request has such a path. Parameters of
// other routers, {id} and :id, are static text, and match only that.
func NewHandler(routes map[string]http.Handler, cfg HandlerConfig) (*Handler, error) {
	keys := slices.Sorted(maps.Keys(routes))
	sorted, err := arrange(keys, true)
	errs := []error{err, cfg.Validate()}
	for _, key := range keys {
		if routes[key] == nil {
			errs = append(errs, fmt.Errorf("pattern: the handler of %s is nil", key))
		}
		if method, _, ok := strings.Cut(key, "/"); ok && strings.TrimRight(method, " \t") != method {
			errs = append(errs, fmt.Errorf("pattern: %q: a pattern has no method; its handler gets them all, and may be a middleware.Methods", key))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	h := &Handler{newMatcher(sorted), make([]target, len(sorted)), cfg}
	for i, r := range sorted {
		h.targets[i] = target{routes[r.key], r.withoutBraces()}
	}
	return h, nil
}

// All iterates over the routes and their handlers in order of precedence.
func (h *Handler) All() iter.Seq2[Pattern, http.Handler] {
	return func(yield func(Pattern, http.Handler) bool) {
		for i := range h.leaves {
			if !yield(Pattern{h.leaves[i].compiled}, h.targets[i].Handler) {
				return
			}
		}
	}
}

// Handler returns the handler that serves r, and the pattern of its route, like
// ServeMux.Handler. For a path that no route matches, or that is malformed, they
// are the NotFound of the config, which is nil by default, and "". It reads only
// the URL, sets neither path values nor r.Pattern, and ignores redirects.
func (h *Handler) Handler(r *http.Request) (handler http.Handler, pattern string) {
	path, decoded := requestPath(r.URL)
	l, _, err := h.match(path, decoded, true)
	if err != nil {
		return h.config.NotFound, ""
	}
	return h.targets[l.index].Handler, l.text
}

// ServeHTTP serves the request by the route that matches its path.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, false)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, registered bool) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	path, decoded := requestPath(r.URL)
	l, params, err := h.match(path, decoded, true)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if h.config.TrailingSlash != ServeBoth && h.redirect(w, r, path, decoded, registered) {
		return
	}
	if !h.config.NoPathValues || r.Pattern != "" {
		setPathValues(r, params)
	}
	to := &h.targets[l.index]
	r.Pattern = to.pattern
	h.run(to.Handler, w, r)
}

// run has a handler serve the request, and tells it how errors are answered.
func (h *Handler) run(handler http.Handler, w http.ResponseWriter, r *http.Request) {
	if h.config.OnError == nil {
		handler.ServeHTTP(w, r)
		return
	}
	inside := exchange.WithDefaults(w, r, h.config.OnError, nil)
	defer exchange.HandBack(r, inside)
	handler.ServeHTTP(w, inside)
}

// withoutBraces returns the text of the pattern with those static segments
// escaped that http.ServeMux would take for wildcards.
func (c *compiled) withoutBraces() string {
	if strings.IndexByte(c.text, '{') < 0 {
		return c.text
	}
	segs := strings.Split(c.text, "/")
	for i, s := range segs {
		if isMuxWildcard(s) {
			segs[i] = muxLiteral(s)
		}
	}
	return strings.Join(segs, "/")
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if err == ErrNoMatch && h.config.NotFound != nil {
		h.run(h.config.NotFound, w, r)
		return
	}
	problem.Handle(w, r, err, h.config.OnError, nil)
}

// requestPath returns the path to match and whether it is decoded already. Path
// is decoded, and without a RawPath every slash in it separates segments; with
// a RawPath some do not, and only the encoded form tells which.
//
// http.StripPrefix leaves an empty path for the prefix itself, and one without
// a leading slash if the prefix ends in one.
func requestPath(u *url.URL) (path string, decoded bool) {
	path, decoded = u.Path, true
	if u.RawPath != "" {
		path, decoded = u.EscapedPath(), false
	}
	if path == "" || path[0] != '/' && path != "*" {
		path = "/" + path
	}
	return path, decoded
}
