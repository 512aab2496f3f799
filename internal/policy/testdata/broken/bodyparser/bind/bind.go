// Package bind joins packages.
//
// # Differences from Next.js
//
// None.
package bind

import (
	_ "github.com/apiece/apiece/bodyparser" // allowed
	_ "github.com/apiece/apiece/examples/demo"
	_ "github.com/apiece/apiece/middleware"
	_ "github.com/go-playground/validator/v10" // allowed
	_ "github.com/justinas/alice"
	_ "github.com/stretchr/testify/assert"
)
