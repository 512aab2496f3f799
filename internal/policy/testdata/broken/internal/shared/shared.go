// Shared things.
package shared

import (
	_ "github.com/apiece/apiece/bytesize"
	_ "github.com/gorilla/schema"

	_ "github.com/apiece/apiece/internal/exchange" // allowed
	_ "net/http"                                   // allowed
)
