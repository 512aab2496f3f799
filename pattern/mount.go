package pattern

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Register registers h on the mux for the paths that its routes can match,
// and for no others:
//
//	/api/users       "/api/users" and "/api/users/{$}"
//	/api/post/[pid]  "/api/post" and "/api/post/"
//
// Within a subtree such as the second, h answers what no route matches.
// If the mux is mounted in another one as a subtree, such as "/api/", and h
// redirects to the bare form, mount it at "/api" too; see [RedirectToBare].
//
// Register panics where ServeMux.Handle does. It does so in particular if the
// mux has a pattern with a method that is a subtree as well: neither of
// "GET /" and "/api/" is the more specific. Register "/" without the method,
// or "GET /{$}" for the page alone.
func (h *Handler) Register(mux *http.ServeMux) {
	for _, p := range h.mounts() {
		register(mux, p, registered{h})
	}
}

// registered is a Handler that knows that both forms of every path reach it.
type registered struct{ *Handler }

func (h registered) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve(w, r, true) }

func register(mux *http.ServeMux, pattern string, h http.Handler) {
	defer func() {
		if reason := recover(); reason != nil {
			panic(fmt.Sprintf("pattern: Register: %v\n(A subtree with a method, such as \"GET /\", cannot share the mux: register \"/\" without the method, or \"GET /{$}\".)", reason))
		}
	}()
	mux.Handle(pattern, h)
}

// mounts returns the patterns for ServeMux.
func (h *Handler) mounts() (mounts []string) {
	var trees, pages []string
	for i := range h.leaves {
		prefix, tree := "", false
		for _, seg := range h.leaves[i].segs {
			if tree = seg.kind != static; tree {
				break
			}
			prefix += "/" + muxLiteral(seg.text)
		}
		if tree {
			trees = append(trees, prefix)
		} else {
			pages = append(pages, prefix)
		}
	}
	slices.Sort(trees)
	slices.Sort(pages)
	under := func(path string) bool {
		return slices.ContainsFunc(mounts, func(m string) bool {
			return m == path || strings.HasSuffix(m, "/") && strings.HasPrefix(path+"/", m)
		})
	}
	for _, t := range trees { // shorter ones come first
		if under(t) {
			continue
		}
		if t != "" {
			mounts = append(mounts, t)
		}
		mounts = append(mounts, t+"/")
	}
	for _, p := range pages {
		switch {
		case under(p):
		case p == "":
			mounts = append(mounts, "/{$}")
		default:
			mounts = append(mounts, p, p+"/{$}")
		}
	}
	return mounts
}
