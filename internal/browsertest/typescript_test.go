package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/typescript"
)

type newPost struct {
	Title string   `json:"title" validate:"required,max=20"`
	Kind  string   `json:"kind" validate:"omitempty,oneof=draft final"`
	Stars *int     `json:"stars" validate:"required"`
	Tags  []string `json:"tags"`
}

type post struct {
	ID    int      `json:"id"`
	Title string   `json:"title"`
	Tags  []string `json:"tags"`
}

type postPage struct {
	Items []post `json:"items"`
	Next  int    `json:"next,omitempty"`
}

type list struct {
	Page  int      `schema:"page"`
	Sort  []string `schema:"sort"`
	Where struct {
		Author string `schema:"author"`
	} `schema:"where"`
}

type change struct {
	ID    int                   `path:"id"`
	Draft bool                  `query:"draft,default:true"`
	Token string                `header:"X-Token" validate:"required"`
	Title bind.Optional[string] `json:"title"`
}

type photo struct {
	Title string      `json:"title" validate:"required"`
	Photo upload.File `json:"photo" validate:"required"`
}

// typedRoutes serves the requests of testdata/typescript/use.ts.
func typedRoutes() *pattern.Handler {
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts": middleware.New(middleware.Config{})(middleware.Methods{
			"GET": bind.QueryFunc(func(_ *http.Request, in list) (postPage, error) {
				title := fmt.Sprint(in.Page, in.Sort, in.Where.Author)
				return postPage{Items: []post{{Title: title}}, Next: in.Page + 1}, nil
			}),
			"POST": bind.Func(func(_ *http.Request, in newPost) (post, error) {
				return post{ID: 7, Title: in.Title + " " + in.Kind}, nil
			}),
		}),
		"/api/posts/[id]": middleware.Methods{
			"PATCH": bind.Func(func(_ *http.Request, in change) (post, error) {
				return post{Title: fmt.Sprint(in.ID, in.Draft, in.Token, in.Title.Null)}, nil
			}),
		},
		"/api/photos": middleware.Methods{
			"POST": bind.Func(func(_ *http.Request, in photo) (string, error) {
				return fmt.Sprint(in.Title, in.Photo.Size()), nil
			}),
		},
		"/api/words": middleware.Methods{
			"PUT":  bind.Func(func(_ *http.Request, in string) (string, error) { return strings.ToUpper(in), nil }),
			"POST": bind.Func(func(_ *http.Request, in json.RawMessage) (string, error) { return string(in), nil }),
		},
		"/api/docs/[[...slug]]": middleware.Methods{
			"GET": bind.Func(func(r *http.Request, _ struct{}) ([]string, error) { return pattern.Values(r, "slug"), nil }),
		},
		"/api/raw/[...path]": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if r.PathValue("path") == "missing" {
				return reply.NewError(http.StatusNotFound, "There is no such thing")
			}
			text, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			return reply.Send(w, r, http.StatusOK, fmt.Sprintf("%s %s %s", r.Method, r.PathValue("path"), text))
		}),
		"/api/feed": middleware.Methods{
			"GET": stream.Types(map[string]any{"post": post{}, "": 0})(http.HandlerFunc(serveFeed)),
		},
		"/api/ticks": middleware.Methods{
			"GET": stream.Types(map[string]any{"tick": 0})(stream.Handler(stream.Config{}, ticks)),
		},
		"/api/any": middleware.Methods{"GET": stream.Handler(stream.Config{}, ticks)},
	}, pattern.HandlerConfig{})
	if err != nil {
		panic(err)
	}
	return h
}

// ticks sends events until the client has gone.
func ticks(s *stream.Stream) error {
	for n := 0; ; n++ {
		if err := s.Send(stream.Event{Name: "tick", Data: fmt.Sprint(n)}); err != nil {
			return err
		}
		select {
		case <-s.Context().Done():
			return nil
		case <-time.After(time.Millisecond):
		}
	}
}

// serveFeed breaks off after each event, and ends after three.
func serveFeed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	switch r.Header.Get("Last-Event-ID") {
	case "":
		io.WriteString(w, ": hello\n\nretry: 1\nid: 1\nevent: post\ndata: {\"id\":1,\ndata: \"title\":\"one\"}\n\ndata: half")
	case "1":
		io.WriteString(w, "\ufeffid: 2\r\ndata: 42\r\n\r\n")
	case "2":
		io.WriteString(w, "id: 3\rdata:7\r\r")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

const typedOutput = `list 2 [a b]x y 3
made 7 Hello draft null
changed 7 falsesecrettrue
docs null [ 'a/b', 'ü' ]
raw PUT x/y text
photo Sea5
words SAY "HÜ" "raw"
refused 422 title is required required
missing 404 There is no such thing
aborted AbortError
event 1 one
event 2 42
event 3 7
any tick 0
GET /api/posts?page=2&sort=a&sort=b&where.author=x+y
POST /api/posts
PATCH /api/posts/7?draft=false
GET /api/docs
GET /api/docs/a%2Fb/%C3%BC
PUT /api/raw/x/y
POST /api/photos
PUT /api/words
POST /api/words
POST /api/posts
GET /api/raw/missing
GET /api/docs
GET /api/feed
GET /api/feed
GET /api/feed
GET /api/feed
GET /api/any
`

// compile runs the TypeScript compiler in a directory.
func compile(ctx context.Context, t *testing.T, dir string, args ...string) {
	t.Helper()
	tsc, err := filepath.Abs("testdata/node/node_modules/.bin/tsc")
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"}, args...)
	c := exec.CommandContext(ctx, tsc, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("tsc: %v\n%s", err, out)
	}
}

// TestBlogScript: the script of the demo type-checks against its routes.
func TestBlogScript(t *testing.T) {
	if err := npm(); err != nil {
		missing(t, "node", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	compile(ctx, t, filepath.Join("..", "..", "examples", "blog", "service"), "--allowJs", "--checkJs", "--noEmit", "page.js")
}

// generated returns a directory with the client of typedRoutes, and compiled programs
// that use it, correctly and incorrectly.
func generated(ctx context.Context, t *testing.T, programs ...string) (dir string) {
	t.Helper()
	if err := npm(); err != nil {
		missing(t, "node", err)
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/typescript")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("UPDATE", "1")
	typescript.Check(t, filepath.Join(dir, "api.ts"), typedRoutes())
	compile(ctx, t, dir, append([]string{"--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes"}, programs...)...)
	return dir
}

// TestTypeScript runs programs that use the types of a service against the service.
func TestTypeScript(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := generated(ctx, t, "use.ts", "edges.ts")
	server := httptest.NewServer(typedRoutes())
	defer server.Close()
	edges, err := os.ReadFile("testdata/typescript/edges.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct{ program, want string }{{"use.js", typedOutput}, {"edges.js", string(edges)}} {
		out, err := exec.CommandContext(ctx, "node", filepath.Join(dir, p.program), server.URL).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", p.program, err, out)
		}
		if got := string(out); got != p.want {
			t.Errorf("%s printed\n%s\nwant\n%s", p.program, got, p.want)
		}
	}
}

// clientPage is a page that runs the program of testdata/typescript/page.ts.
const clientPage = `<!doctype html><script type="module" src="/page.js"></script>`

// TestTypeScriptPage has a page in Chromium import the client.
func TestTypeScriptPage(t *testing.T) {
	browser := browse(t)
	ctx, cancel := context.WithTimeout(browser, patience)
	defer cancel()
	dir := generated(ctx, t, "page.ts")
	left := make(chan bool, 1)
	routes := typedRoutes()
	mux := http.NewServeMux()
	mux.Handle("/api/", routes)
	mux.HandleFunc("/api/ticks", func(w http.ResponseWriter, r *http.Request) {
		routes.ServeHTTP(w, r)
		left <- true
	})
	mux.Handle("/", http.FileServer(http.Dir(dir)))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, clientPage)
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL)); err != nil {
		t.Fatal(err)
	}
	for {
		said, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`globalThis.said ?? []`))
		if err != nil {
			t.Fatal(err)
		}
		if len(said) > 0 {
			if got := strings.Join(said, "\n") + "\n"; got != pageOutput {
				t.Errorf("the page said\n%s\nwant\n%s", got, pageOutput)
			}
			break
		}
		time.Sleep(pulse)
	}
	select {
	case <-left:
	case <-ctx.Done():
		t.Error("the service was not told that the client has left")
	}
}

const pageOutput = `list 2 [a b] 3
refused 422 /title required
words HÜ
photo Sea5
event post 1 one
event message 2 42
event message 3 7
tick 0
tick 1
tick 2
end
`
