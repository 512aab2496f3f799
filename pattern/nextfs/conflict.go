package nextfs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/apiece/apiece/pattern"
)

// A ConflictError reports files whose routes Next.js cannot serve, or not all
// of them. Scan reports every conflict, joined; errors.As finds the first.
type ConflictError struct {
	// Files are the files, relative to the root of the project: one if it is
	// invalid by itself. One of them is an API route, the others may be pages.
	Files []string

	reason string
	cause  error
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("nextfs: %s: %s", strings.Join(e.Files, " and "), e.reason)
}

// Unwrap returns the [*pattern.ConflictError] or [*pattern.SyntaxError] of
// conflicting routes. It is nil for files with the same route.
func (e *ConflictError) Unwrap() error { return e.cause }

// duplicates reports files with the same route.
func (s *scanner) duplicates(entries []entry) {
	if len(entries) < 2 {
		return
	}
	var files []string
	api := false
	for _, e := range entries {
		files = append(files, e.File)
		api = api || !e.page
	}
	if api {
		s.fail(sameRoute(files, entries[0].Pattern))
	}
}

// published reports a file of the directory public at the path of the route.
// Next.js refuses it in pages, and serves the file in app.
func (s *scanner) published(e entry) {
	file := "public" + e.Pattern.String()
	if info, err := fs.Stat(s.fsys, file); err == nil && info.Mode().IsRegular() {
		s.fail(sameRoute([]string{file, e.File}, e.Pattern))
	}
}

func sameRoute(files []string, p pattern.Pattern) *ConflictError {
	both := "both"
	if len(files) > 2 {
		both = "all"
	}
	return &ConflictError{files, fmt.Sprintf("%s are at %s", both, p), nil}
}

// conflicts reports the conflicts of routes that NewTable has found.
func (s *scanner) conflicts(err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		s.fail(err)
		return
	}
	for _, err := range joined.Unwrap() {
		var conflict *pattern.ConflictError
		if !errors.As(err, &conflict) {
			s.fail(err)
			continue
		}
		var files []string
		api := false
		for _, p := range slices.Backward(conflict.Patterns) { // "y conflicts with x"
			e := s.representative(p)
			files = append(files, e.File)
			api = api || !e.page
		}
		if api {
			s.fail(&ConflictError{files, strings.TrimPrefix(conflict.Error(), "pattern: "), conflict})
		}
	}
}

// representative returns the file of a route, preferably of the API.
func (s *scanner) representative(route string) entry {
	entries := s.entries[route]
	for _, e := range entries {
		if !e.page {
			return e
		}
	}
	return entries[0]
}
