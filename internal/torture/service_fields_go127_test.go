//go:build go1.27

package torture_test

import "net/http"

// manyFields allows as many header fields as net/http did before go1.27, which responds
// with 431 to more than 500: over HTTP/2 every cookie is a field, and these cases test
// the limits of this module.
func manyFields(s *http.Server) { s.MaxHeaderValueCount = 100_000 }
