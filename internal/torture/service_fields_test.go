//go:build !go1.27

package torture_test

import "net/http"

// manyFields does nothing: net/http limits the bytes of a header, not its fields.
func manyFields(*http.Server) {}
