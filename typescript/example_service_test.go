package typescript_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/typescript"
)

// A Note is a response, and a NewNote a request.
type Note struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

type NewNote struct {
	Text string `json:"text" validate:"required,max=280"`
}

func add(r *http.Request, in NewNote) (Note, error) { return Note{1, in.Text}, nil }

// A recorder stands for the *testing.T of a test.
type recorder struct{}

func (recorder) Helper()                           {}
func (recorder) Logf(format string, args ...any)   {}
func (recorder) Errorf(format string, args ...any) { fmt.Println("stale") }

// A test that keeps the file of a front end up to date: it fails if the file
// does not match the handlers.
func ExampleCheckWith() {
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/notes": middleware.Methods{"POST": bind.Func(add)},
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "api.ts")
	cfg := typescript.Config{TypesOnly: true}

	typescript.CheckWith(recorder{}, name, routes, cfg) // the file does not exist yet
	file, err := os.Create(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = typescript.Write(file, routes, cfg)
	fmt.Println(err, file.Close())
	typescript.CheckWith(recorder{}, name, routes, cfg)
	// Output:
	// stale
	// <nil> <nil>
}
