package pattern

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Register registers h on the mux for exactly the paths that its routes can
// match:
//
//	/api/users       "/api/users" and "/api/users/{$}"
//	/api/post/[pid]  "/api/post" and "/api/post/"
//
// Within a subtree such as the second, h responds if no route matches. If the
// mux is mounted in another one as a subtree, such as "/api/", and h redirects
// to the bare form, mount it at "/api" too; see [RedirectToBare].
//
// Register panics where ServeMux.Handle does, in particular if the mux has a
// pattern with a method that is also a subtree: neither "GET /" nor "/api/" is
// more specific. Register "/" without the method, or "GET /{$}" for the root
// page alone.
func (h *Handler) Register(mux *http.ServeMux) {
	mounts, _ := h.mounts()
	for _, p := range mounts {
		register(mux, p, registered{h})
	}
}

// registered is a Handler that gets both forms of every path.
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

// mounts returns the patterns for ServeMux, and how many paths it looked up.
func (h *Handler) mounts() (mounts []string, steps int) {
	trees, pages := map[string]bool{}, map[string]bool{}
	for i := range h.leaves {
		prefix, tree := "", false
		for _, seg := range h.leaves[i].segs {
			if tree = seg.kind != static; tree {
				break
			}
			prefix += "/" + muxLiteral(seg.text)
		}
		if tree {
			trees[prefix] = true
		} else {
			pages[prefix] = true
		}
	}
	// below looks up each directory of a path, in however many trees.
	below := func(path string) bool {
		for i := 0; i < len(path); i = segmentEnd(path, i+1) {
			if steps++; trees[path[:i]] {
				return true
			}
		}
		return false
	}
	for _, t := range slices.Sorted(maps.Keys(trees)) {
		if below(t) {
			continue
		}
		if t != "" {
			mounts = append(mounts, t)
		}
		mounts = append(mounts, t+"/")
	}
	for _, p := range slices.Sorted(maps.Keys(pages)) {
		switch {
		case trees[p] || below(p):
		case p == "":
			mounts = append(mounts, "/{$}")
		default:
			mounts = append(mounts, p, p+"/{$}")
		}
	}
	return mounts, steps
}
