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

// A test of a service that is still being ported.
func ExampleCheck() {
	var t exampleT // a *testing.T
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]": http.NotFoundHandler(),
		"/api/todos":      middleware.New(middleware.Config{})(middleware.Methods{"GET": http.NotFoundHandler()}),
		"/api/health":     http.NotFoundHandler(),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	nextfs.Check(t, web(), h)
	// Output:
	// nextfs: 2 of 4 routes are ported
	// nextfs: requests reach the handler of another route than in the Next.js project:
	// 	/api/post/create is answered by the handler of /api/post/[pid]: pages/api/post/create.ts
	// nextfs: the handlers are not those of the Next.js project:
	// 	/api/todos has no handler of POST: app/api/todos/route.ts
	// 	/cart has no handler of DELETE, GET: app/(shop)/cart/route.ts
	// 	/api/health has a handler, but no file
}

// A test during a migration: the old server gets requests that no route
// matches, and unported routes are no error. Wrongly routed requests are.
func ExampleOld() {
	var t exampleT // a *testing.T
	toNext, ported := http.NotFoundHandler(), http.NotFoundHandler()

	old := nextfs.Old(toNext)
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]": ported,
		"/api/todos":      middleware.Methods{"GET": ported, "POST": old},
	}, pattern.HandlerConfig{NotFound: old})
	if err != nil {
		fmt.Println(err)
		return
	}
	nextfs.Check(t, web(), h)
	// Output:
	// nextfs: 2 of 4 routes are ported, 1 of them in part
	// nextfs: requests reach the handler of another route than in the Next.js project:
	// 	/api/post/create is answered by the handler of /api/post/[pid]: pages/api/post/create.ts
}

// A start with all routes of the project, where nothing can break.
func ExampleBaseline() {
	var t exampleT // a *testing.T
	toNext, post := http.NotFoundHandler(), http.NotFoundHandler()

	routes, err := nextfs.Baseline(web(), toNext)
	if err != nil {
		fmt.Println(err)
		return
	}
	routes["/api/post/[pid]"] = post
	h, err := pattern.NewHandler(routes, pattern.HandlerConfig{NotFound: toNext})
	if err != nil {
		fmt.Println(err)
		return
	}
	nextfs.Check(t, web(), h)
	// Output:
	// nextfs: 1 of 4 routes are ported
}

type exampleT struct{}

func (exampleT) Helper()                           {}
func (exampleT) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
