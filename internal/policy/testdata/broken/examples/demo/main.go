// The demo.
package main

import (
	"log"
	"net/http"

	_ "github.com/apiece/apiece/bytesize" // allowed
	_ "github.com/apiece/apiece/internal/problem"
	_ "github.com/justinas/alice" // allowed
	_ "github.com/stretchr/testify/assert"
)

func main() {
	log.Fatal(http.ListenAndServe(":8080", nil)) // allowed
}
