package pattern

import (
	_ "github.com/apiece/apiece/bytesize"
	_ "github.com/apiece/apiece/internal/exchange" // allowed
	_ "github.com/apiece/apiece/internal/testkit"
)

func match() {}
