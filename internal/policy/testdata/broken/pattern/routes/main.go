// Command routes is a program of its own: it may end, and print what the
// package above it finds, but nothing else.
package main

import (
	"os"

	_ "github.com/apiece/apiece/cookies"
	_ "github.com/apiece/apiece/pattern"
)

func main() { os.Exit(1) }
