package openapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/examples/compose/openapi"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/typescript"
)

type Post struct {
	ID      int       `json:"id"`
	Created time.Time `json:"created"`
	Tags    []string  `json:"tags"`
	Parent  *Post     `json:"parent,omitempty"`
}

type NewPost struct {
	Title string   `json:"title" validate:"required,max=200"`
	Kind  string   `json:"kind" validate:"omitempty,oneof=draft final"`
	Mail  string   `json:"mail" validate:"omitempty,email"`
	Tags  []string `json:"tags" validate:"max=10,dive,max=20"`
	Stars *int     `json:"stars" validate:"required,min=0"`
}

type List struct {
	Page int    `schema:"page" validate:"min=0"`
	Sort string `json:"sort" validate:"omitempty,oneof=new old"`
}

type Update struct {
	ID    int    `path:"id"`
	Token string `header:"X-Token" validate:"required"`
	Draft bool   `query:"draft"`
	Title string `json:"title" validate:"required,max=200"`
}

type Photo struct {
	Title string      `json:"title"`
	Photo upload.File `json:"photo" validate:"required"`
}

type Docs struct {
	Slug []string `path:"slug"`
	Lang string   `query:"lang"`
}

type Page[T any] struct {
	Items []T `json:"items"`
}

func routes() http.Handler {
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts": middleware.New(middleware.Config{})(middleware.Methods{
			"GET":  bind.QueryFunc(func(*http.Request, List) (Page[Post], error) { return Page[Post]{}, nil }),
			"POST": bind.Func(func(*http.Request, NewPost) (Post, error) { return Post{}, nil }),
		}),
		"/api/posts/[id]": middleware.Methods{
			"GET": bind.Func(func(*http.Request, struct{}) (Post, error) { return Post{}, nil }),
			"PUT": bind.Func(func(*http.Request, Update) (Post, error) { return Post{}, nil }),
		},
		"/api/photos":        middleware.Methods{"POST": bind.Func(func(*http.Request, Photo) (Post, error) { return Post{}, nil })},
		"/api/raw/[...path]": http.NotFoundHandler(),
		"/api/docs/[[...slug]]": middleware.Methods{
			"GET": bind.Func(func(*http.Request, Docs) (Page[string], error) { return Page[string]{}, nil }),
		},
	}, pattern.HandlerConfig{})
	if err != nil {
		panic(err)
	}
	return h
}

// compare compares the document of h with the one in testdata, which TestOpenAPI of
// internal/browsertest has a validator and openapi-typescript read. UPDATE=1 writes
// it.
func compare(t *testing.T, h http.Handler, file string) (text string) {
	t.Helper()
	doc, err := json.MarshalIndent(openapi.Document(openapi.Info{Title: "Posts", Version: "1.0.0"}, h), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	doc = append(doc, '\n')
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(doc) {
		t.Errorf("the document is not that in %s:\n%s", file, doc)
	}
	return string(doc)
}

func TestDocumentRecorded(t *testing.T) { compare(t, routes(), "testdata/openapi.json") }

// TestDocumentOptionalCatchAll: an optional catch-all is in the document without its segment too,
// unless another route matches there.
func TestDocumentOptionalCatchAll(t *testing.T) {
	number := bind.Func(func(*http.Request, struct{}) (int, error) { return 0, nil })
	h := typescript.ServeMux(map[string]http.Handler{
		"/{rest...}": http.NotFoundHandler(),
		"GET /docs/{slug...}": bind.QueryFunc(func(*http.Request, struct {
			Slug []string `json:"slug"`
		}) (int, error) {
			return 0, nil
		}),
		"POST /posts":             number,
		"GET /posts/{slug...}":    number,
		"/users/{id}/{more...}":   number,
		"DELETE /files/{path...}": number,
		"/files/{path...}":        number,
	})
	doc := openapi.Document(openapi.Info{Title: "Posts", Version: "1.0.0"}, h)
	var got []string
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "DELETE": item.Delete} {
			if op == nil {
				continue
			}
			line := method + " " + path
			for _, p := range op.Parameters {
				line += " " + p.In + ":" + p.Name
			}
			got = append(got, line)
		}
	}
	slices.Sort(got)
	want := []string{
		"DELETE /files",
		"DELETE /files/{path} path:path",
		"GET /",
		"GET /docs",
		"GET /docs/{slug} path:slug",
		"GET /posts/{slug} path:slug",
		"GET /{rest} path:rest",
		"POST /files",
		"POST /files/{path} path:path",
		"POST /posts",
		"POST /users/{id} path:id",
		"POST /users/{id}/{more} path:id path:more",
	}
	if !slices.Equal(got, want) {
		t.Errorf("operations\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDocumentNames has routes and types whose names are alike, and a method of which
// OpenAPI has no word.
func TestDocumentNames(t *testing.T) {
	type Post struct {
		Other Page[time.Duration]
		Nick  bind.Optional[string] `json:"nick,omitzero" validate:"omitempty,max=20"`
	}
	number := bind.Func(func(*http.Request, struct{}) (int, error) { return 0, nil })
	h := typescript.ServeMux(map[string]http.Handler{
		"GET /posts/{id}":  bind.Func(func(*http.Request, struct{}) (Post, error) { return Post{}, nil }),
		"/posts/{id}":      number,
		"GET /posts/id":    number,
		"GET /posts/by/id": number,
		"GET /posts/by-id": number,
		"REPORT /a-b":      number,
		"GET /a-b":         number,
		"GET /a/b":         bind.Func(func(*http.Request, Post) ([]Page[Post], error) { return nil, nil }),
		"GET /a.b":         bind.Func(func(*http.Request, struct{}) (Page[Page[Post]], error) { return Page[Page[Post]]{}, nil }),
		"GET /other":       routes(),
		"GET /again":       routes(),
	})
	text := compare(t, h, "testdata/names.json")
	if again := compare(t, h, "testdata/names.json"); again != text {
		t.Error("two runs differ")
	}
	for _, want := range []string{
		`"get-posts-id"`, `"get-posts-id-2"`, `"get-posts-by-id"`, `"get-posts-by-id-2"`, `"get-a-b-3"`,
		`"#/components/schemas/Post2"`, `"operationId": "get-api-posts"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, `"report`) {
		t.Errorf("a method that OpenAPI has no word for")
	}
}

// TestDocumentRules sends valid and invalid requests by the document to the service, and
// checks that the two agree.
func TestDocumentRules(t *testing.T) {
	doc := openapi.Document(openapi.Info{Title: "Posts", Version: "1.0.0"}, routes())
	schema := doc.Components.Schemas.Map()["NewPost"]
	if schema == nil {
		t.Fatal("no schema NewPost")
	}
	if got := fmt.Sprint(schema.Required); got != "[title stars]" {
		t.Errorf("required: %s", got)
	}
	for _, c := range []struct {
		body string
		ok   bool
		why  string
	}{
		{`{"title":"a","stars":0}`, true, "all that is required"},
		{`{"title":"","stars":0}`, *schema.Properties["title"].MinLength == 0, "an empty title"},
		{`{"title":"` + strings.Repeat("x", 201) + `","stars":0}`, *schema.Properties["title"].MaxLength > 200, "a long title"},
		{`{"title":"a","stars":-1}`, *schema.Properties["stars"].Minimum < 0, "less than no stars"},
		{`{"title":"a","stars":0,"kind":"other"}`, len(schema.Properties["kind"].Enum) != 2, "another kind"},
		{`{"title":"a","stars":0,"tags":["` + strings.Repeat("x", 21) + `"]}`, *schema.Properties["tags"].Items.MaxLength > 20, "a long tag"},
		{`{"title":"a","stars":0,"more":1}`, schema.AdditionalProperties == true, "a field that it does not have"},
	} {
		r := httptest.NewRequest("POST", "/api/posts", strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		routes().ServeHTTP(w, r)
		if ok := w.Code == http.StatusOK; ok != c.ok {
			t.Errorf("%s: the service says %d, the document %t", c.why, w.Code, c.ok)
		}
	}
}

func TestHandlerServesUI(t *testing.T) {
	h := openapi.Handler("/docs/", openapi.Document(openapi.Info{Title: "Posts", Version: "1.0.0"}, routes()))
	for _, c := range []struct{ path, contentType, has string }{
		{"/docs/openapi.json", "application/json", `"openapi":"3.1.0"`},
		{"/docs/", "text/html", "/docs/openapi.json"},
		{"/docs/swagger-ui-bundle.js", "application/javascript", "SwaggerUI"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
		if w.Code != 200 || w.Header().Get("Content-Type") != c.contentType || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("%s: %d %s, %d bytes", c.path, w.Code, w.Header().Get("Content-Type"), w.Body.Len())
		}
		if strings.Contains(w.Body.String(), `src="http`) || strings.Contains(w.Body.String(), `href="http`) {
			t.Errorf("%s loads something from elsewhere", c.path)
		}
	}
}
