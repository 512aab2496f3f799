//go:build go1.27

package torture_test

import "net/http"

// manyFields lets as many header fields through as net/http did before go1.27,
// which answers 431 to more than 500: over HTTP/2 every cookie is a field, and
// the bounds that these cases are about are the kit's.
func manyFields(s *http.Server) { s.MaxHeaderValueCount = 100_000 }
