package nextfs_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing/fstest"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
)

// webProject stands for os.DirFS("../web"), the root of a Next.js project.
var webProject = fstest.MapFS{
	"app/api/todos/route.ts":      {Data: []byte("export async function GET() {}\nexport async function POST() {}")},
	"app/api/todos/[id]/route.ts": {Data: []byte("export async function DELETE() {}")},
}

// A printer stands for the *testing.T of a test.
type printer struct{}

func (printer) Helper() {}
func (printer) Logf(format string, args ...any) {
	fmt.Println(strings.TrimSpace(fmt.Sprintf(format, args...)))
}
func (printer) Errorf(format string, args ...any) { printer{}.Logf(format, args...) }

// A test of a service that is not completely ported yet.
func ExampleCheck_whole() {
	todo := http.NotFoundHandler() // the handlers of a service
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/todos": middleware.Methods{"GET": todo},
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	nextfs.Check(printer{}, webProject, routes)
	// Output:
	// nextfs: 1 of 2 routes are ported
	// nextfs: the handlers are not those of the Next.js project:
	// 	/api/todos has no handler of POST: app/api/todos/route.ts
	// 	/api/todos/[id] has no handler of DELETE: app/api/todos/[id]/route.ts
}
