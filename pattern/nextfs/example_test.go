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

// web stands for os.DirFS("../web").
func web() fstest.MapFS {
	return fstest.MapFS{
		"pages/api/post/create.ts":   {Data: []byte(`export default function handler(req, res) {}`)},
		"pages/api/post/[pid].ts":    {Data: []byte(`export default function handler(req, res) {}`)},
		"app/api/todos/route.ts":     {Data: []byte("export async function GET() {}\nexport async function POST(request: Request) {}")},
		"app/(shop)/cart/route.ts":   {Data: []byte(`export { read as GET, remove as DELETE } from "@/lib/cart"`)},
		"app/(shop)/cart/helpers.ts": {},
		"app/todos/page.tsx":         {},
	}
}

func ExampleScan() {
	routes, err := nextfs.Scan(web())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range routes {
		fmt.Println(r.Pattern, r.Methods, r.File)
	}
	// Output:
	// /api/post/create [] pages/api/post/create.ts
	// /api/post/[pid] [] pages/api/post/[pid].ts
	// /api/todos [GET POST] app/api/todos/route.ts
	// /cart [DELETE GET] app/(shop)/cart/route.ts
}

// All conflicts of a project are reported at once.
func ExampleScan_conflicts() {
	project := web()
	project["app/api/post/[id]/route.ts"] = &fstest.MapFile{}
	project["app/cart/page.tsx"] = &fstest.MapFile{}
	_, err := nextfs.Scan(project)
	fmt.Println(strings.ReplaceAll(err.Error(), ": ", ":\n  "))
	// Output:
	// nextfs:
	//   app/(shop)/cart/route.ts and app/cart/page.tsx:
	//   both are at /cart
	// nextfs:
	//   pages/api/post/[pid].ts and app/api/post/[id]/route.ts:
	//   /api/post/[pid] conflicts with /api/post/[id]:
	//   parameters at the same position need the same name; both match "/api/post/x"
}

// A test, part-way through a migration.
func ExampleCheck() {
	var t exampleT // a *testing.T
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]": http.NotFoundHandler(),
		"/api/todos":      middleware.Methods{"GET": http.NotFoundHandler()},
		"/api/health":     http.NotFoundHandler(),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	nextfs.Check(t, web(), h)
	// Output:
	// nextfs: the handlers are not those of the Next.js project:
	// 	/api/post/create has no handler: pages/api/post/create.ts
	// 	/api/todos has no handler of POST: app/api/todos/route.ts
	// 	/cart has no handler of DELETE, GET: app/(shop)/cart/route.ts
	// 	/api/health has a handler, but no file
}

type exampleT struct{}

func (exampleT) Helper()                           {}
func (exampleT) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
