// Package apiece imports a piece.
package apiece

import (
	_ "github.com/apiece/apiece/bytesize"
	_ "github.com/justinas/alice"
)

// Exported is a name in the root package.
type Exported int
