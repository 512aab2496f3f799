package typescript_test

//lint:file-ignore SA5008 the tags that encoding/json passes over are what is tested

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/typescript"
)

// written returns the output of Write for one route, without the client.
func written(t *testing.T, route string, h http.Handler) string {
	t.Helper()
	routes, err := pattern.NewHandler(map[string]http.Handler{route: h}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := typescript.Write(&b, routes, typescript.Config{TypesOnly: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// answers returns a handler whose response is a T.
func answers[T any]() http.Handler {
	return bind.Func(func(*http.Request, struct{}) (t T, err error) { return t, nil })
}

// takes returns a handler whose request is a T.
func takes[T any]() http.Handler {
	return bind.Func(func(*http.Request, T) (struct{}, error) { return struct{}{}, nil })
}

type color string

func (color) Values() []string { return []string{"red", "a | b", `say "x"`} }

type celsius float64

func (celsius) MarshalText() ([]byte, error) { return nil, nil }
func (*celsius) UnmarshalText([]byte) error  { return nil }

type grade int

func (grade) Values() []string { return []string{"a", "b"} }

type grade8 uint8

type text8 uint8

func (text8) MarshalText() ([]byte, error) { return nil, nil }

type chain map[string]chain

type nest []nest

type Result struct{ A int }

type Error struct{ A int }

type opaque struct{ A int }

func (opaque) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

type tree struct {
	Children []tree `json:"children,omitempty"`
	Parent   *tree  `json:"parent"`
}

type stamps struct {
	Created time.Time `json:"created"`
}

type embeds struct {
	stamps
	*tree
	ID int `json:"id"`
}

type pair[A, B any] struct {
	First  A `json:"first"`
	Second B `json:"second"`
}

func TestWriteResponses(t *testing.T) {
	for _, c := range []struct {
		why  string
		h    http.Handler
		want string // the type of the response
		decl string // somewhere in the declarations
	}{
		{"a number", answers[int](), "number", ""},
		{"a text", answers[string](), "string", ""},
		{"a truth", answers[bool](), "boolean", ""},
		{"nil slices are null", answers[[]string](), "string[] | null", ""},
		{"arrays are not", answers[[2]string](), "string[]", ""},
		{"nil maps are null", answers[map[string]int](), "Record<string, number> | null", ""},
		{"keys are texts", answers[map[int]*int](), "Record<string, number | null> | null", ""},
		{"a list of pointers", answers[[]*int](), "(number | null)[] | null", ""},
		{"bytes", answers[[]byte](), "string | null", ""},
		{"anything", answers[any](), "unknown", ""},
		{"a list of anything", answers[[]any](), "unknown[] | null", ""},
		{"a pointer to anything", answers[*any](), "unknown", ""},
		{"a time", answers[time.Time](), "string", ""},
		{"a duration is nanoseconds", answers[time.Duration](), "number", ""},
		{"JSON", answers[json.RawMessage](), "unknown", ""},
		{"digits", answers[json.Number](), "number", ""},
		{"many digits", answers[*big.Int](), "number | null", ""},
		{"a method of the pointer, for a value that has none", answers[big.Int](), "unknown", ""},
		{"a method of the pointer, in a slice", answers[[]big.Int](), "number[] | null", ""},
		{"a method of the pointer, in a map", answers[map[string]big.Int](), "Record<string, unknown> | null", ""},
		{"a type with MarshalText", answers[netip.Addr](), "string", ""},
		{"a number with MarshalText", answers[celsius](), "string", ""},
		{"a type with MarshalJSON", answers[opaque](), "unknown", ""},
		{"a type that lists its values", answers[color](), `"red" | "a | b" | "say \"x\""`, ""},
		{"values of a number, which has no texts", answers[grade](), "number", ""},
		{"null in null", answers[map[string]map[string]*int](), "Record<string, Record<string, number | null> | null> | null", ""},
		{"nullable maps without a name", answers[*struct{ A, B map[string]*int }](), "{ A: Record<string, number | null> | null; B: Record<string, number | null> | null } | null", ""},
		{"small numbers are bytes", answers[[]grade8](), "string | null", ""},
		{"small numbers with MarshalText are not", answers[[]text8](), "string[] | null", ""},
		{"a map that leads to itself", answers[chain](), "Record<string, unknown> | null", ""},
		{"a list that leads to itself", answers[nest](), "unknown[] | null", ""},
		{"a name that JSON does not take", answers[struct {
			A int `json:"it's"`
		}](), "{ A: number }", ""},
		{"a name that the client has", answers[Result](), "Typescript_testResult", ""},
		{"a name that the browser has", answers[Error](), "Typescript_testError", ""},
		{"pointers to what may be nil", answers[struct {
			A **int  `json:"a,omitempty"`
			B *[]int `json:"b,omitempty"`
		}](), "{ a?: number | null; b?: number[] | null }", ""},
		{"rules", answers[struct {
			Kind string  `json:"kind" validate:"omitempty,oneof=a b"`
			Must string  `json:"must" validate:"oneof=a b"`
			Left string  `json:"left,omitempty" validate:"omitempty,oneof=a b"`
			N    int64   `json:"n,string" validate:"oneof=1 2"`
			All  []*int  `json:"all" validate:"dive,oneof=1 2"`
			Temp celsius `json:"temp" validate:"oneof=1 2"`
			Raw  []byte  `json:"raw" validate:"dive,oneof=1 2"`
		}](), `{ kind: "a" | "b" | ""; must: "a" | "b"; left?: "a" | "b"; n: "1" | "2"; all: (1 | 2 | null)[] | null; temp: string; raw: string | null }`, ""},
		{"what is required is not nil", answers[struct {
			List  []string          `json:"list" validate:"required,max=5"`
			Map   map[string]*int   `json:"map" validate:"required"`
			Ref   *Result           `json:"ref" validate:"required"`
			Raw   []byte            `json:"raw" validate:"required"`
			Left  []string          `json:"left,omitempty" validate:"required"`
			Each  []*int            `json:"each" validate:"dive,required"`
			Names map[string]string `json:"names"`
		}](), `{ list: string[]; map: Record<string, number | null>; ref: Typescript_testResult; raw: string; left?: string[]; each: (number | null)[] | null; names: Record<string, string> | null }`, ""},
		{"an Optional", answers[bind.Optional[int]](), "number | null", ""},
		{"a struct without a name", answers[struct {
			A int `json:"a"`
			B *struct{ C bool }
		}](), "{ a: number; B: { C: boolean } | null }", ""},
		{"nothing", answers[struct{}](), "Record<string, never>", ""},
		{"a type that leads to itself", answers[tree](), "Tree", "export interface Tree {\n  children?: Tree[]\n  parent: Tree | null\n}"},
		{"embedded structs, by pointer too", answers[embeds](), "Embeds", "  created: string\n  children?: Tree[]\n  parent?: Tree | null\n  id: number\n"},
		{"a generic type", answers[pair[tree, []*stamps]](), "PairTreeStamps", "  first: Tree\n  second: (Stamps | null)[] | null\n"},
		{"options of tags", answers[struct {
			Quoted  int64          `json:"quoted,string"`
			Maybe   *int           `json:"maybe,omitempty"`
			Zero    time.Time      `json:"zero,omitzero"`
			Map     map[string]int `json:"map,omitempty"`
			Hidden  int            `json:"-"`
			Dashed  int            `json:"-,"`
			private int
		}](), `{ quoted: string; maybe?: number; zero?: string; map?: Record<string, number>; "-": number }`, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			text := written(t, "/a", c.h)
			if want := "    response: " + c.want + "\n"; !strings.Contains(text, want) {
				t.Errorf("no line %q in\n%s", want, text)
			}
			if !strings.Contains(text, c.decl) {
				t.Errorf("no %q in\n%s", c.decl, text)
			}
		})
	}
}

type order struct {
	Title string            `json:"title" validate:"required,max=200"`
	Note  *string           `json:"note"`
	Must  *int              `json:"must" validate:"required"`
	Kind  string            `json:"kind" validate:"omitempty,oneof=draft final 'in print'"`
	Level int               `json:"level" schema:",default:2" validate:"oneof=1 2 3"`
	Tags  []string          `json:"tags" validate:"max=5,dive,oneof=go js"`
	Names []string          `json:"names" validate:"dive,required,max=20"`
	Map   map[string]string `json:"map" validate:"dive,oneof=a b"`
	At    time.Time         `json:"at" format:"unix"`
	Wait  time.Duration     `json:"wait" format:"duration"`
	Any   any               `json:"any"`
}

const orderType = `export interface Order {
  /** max=200 */
  title: string
  note?: string | null
  must: number
  kind?: "draft" | "final" | "in print"
  /** default 2 */
  level?: 1 | 2 | 3
  /** max=5 */
  tags?: ("go" | "js")[]
  /** each max=20 */
  names?: string[]
  map?: Record<string, string>
  /** seconds since 1970 */
  at?: number
  /** a duration such as "1h30m" */
  wait?: string
  any?: unknown
}
`

func TestWriteRequests(t *testing.T) {
	for _, c := range []struct {
		why   string
		route string
		h     http.Handler
		want  string
	}{
		{"rules", "/a", takes[order](), orderType},
		{"a body that must be there", "/a", takes[order](), "  \"* /a\": {\n    body: Order\n    response: Record<string, never>\n  }\n"},
		{"a body that need not be there", "/a", takes[tree](), "    body?: Tree\n"},
		{"a list", "/a", takes[[]int](), "    body: number[]\n"},
		{"a text", "/a", takes[string](), "    body: string\n"},
		{"a struct that is a text", "/a", takes[time.Time](), "    body: string\n"},
		{"a struct that reads JSON", "/a", takes[readsJSON](), "    body: unknown\n"},
		{"no body", "/a", takes[struct{}](), "  \"* /a\": {\n    query?: Query\n    response"},
		{"places", "/[id]/[...rest]", takes[struct {
			ID    int      `path:"id"`
			Rest  []int    `path:"rest"`
			Draft bool     `query:"draft,default:true"`
			Token string   `header:"X-Token" validate:"required"`
			Theme string   `cookie:"theme"`
			Title string   `json:"title" validate:"required"`
			Pages []string `query:"p"`
		}](), `    path: { id: string | number; rest: (string | number)[] }
    query?: { draft?: boolean; p?: string[] }
    headers: { "X-Token": string }
    body: { title: string }
`},
		{"places alone", "/[id]", takes[struct {
			ID color `path:"id"`
		}](), "    path: { id: \"red\" | \"a | b\" | \"say \\\"x\\\"\" }\n    response"},
		{"parameters that no field names", "/[a]/[[...b]]", takes[struct{}](), "    path: { a: string; b?: string[] }\n"},
		{"parameters that may all be absent", "/[[...b]]", takes[struct{}](), "    path?: { b?: string[] }\n"},
		{"a PATCH request", "/a", takes[struct {
			Nick bind.Optional[string] `json:"nick,omitzero" validate:"omitempty,max=20"`
		}](), "    body?: { nick?: string | null }\n"},
		{"files", "/a", takes[struct {
			Photo upload.File   `json:"photo" validate:"required"`
			More  []upload.File `json:"more"`
		}](), "    body: { photo: Blob; more?: Blob[] }\n"},
		{"files, in a form with names of forms", "/a", takes[struct {
			Title string      `json:"title" schema:"t"`
			Photo upload.File `json:"photo" schema:"p"`
		}](), "    body?: { t?: string; p?: Blob }\n"},
		{"quotes around one pointer alone", "/a", takes[struct {
			A *int64               `json:"a,string"`
			B **int64              `json:"b,string"`
			C bind.Optional[int64] `json:"c,string"`
		}](), "    body?: { a?: string | null; b?: number | null; c?: number | null }\n"},
		{"a value that cannot be absent", "/a", takes[struct {
			A string  `json:"a" validate:"oneof=x y"`
			B *string `json:"b" validate:"omitempty,oneof=x y"`
			C int     `json:"c" validate:"oneof=0 1"`
		}](), `    body: { a: "x" | "y"; b?: "x" | "y" | null; c?: 0 | 1 }`},
		{"JSON in a query", "/a", bind.QueryFunc(func(*http.Request, struct{ A readsJSON }) (int, error) { return 0, nil }), "    query?: { A?: string }\n"},
		{"comments that would end", "/a", takes[remarks](), "  /** eq=*\\/ y, default *\\/x */\n  a?: string\n"},
		{"the type of a query that is not known", "/a", takes[struct{}](), "\nexport type Query = Record<string, unknown>\n"},
		{"a query", "/[id]", bind.QueryFunc(func(*http.Request, struct {
			ID    int
			Page  int      `schema:"page" json:"p"`
			Sort  []string `json:"sort" validate:"required"`
			Where struct {
				Author string `json:"author"`
			} `json:"where"`
		}) (int, error) {
			return 0, nil
		}), "    path: { id: string }\n    query: { ID?: number; page?: number; sort: string[]; where?: { author?: string } }\n    response"},
		{"nothing is known", "/a", http.NotFoundHandler(), "    query?: Query\n    body?: unknown\n    response: unknown\n"},
		{"the response alone is not known", "/a", bind.Handler(func(http.ResponseWriter, *http.Request, tree) error { return nil }), "    body?: Tree\n    response: unknown\n"},
	} {
		t.Run(c.why, func(t *testing.T) {
			if text := written(t, c.route, c.h); !strings.Contains(text, c.want) {
				t.Errorf("no\n%s\nin\n%s", c.want, text)
			}
		})
	}
}

// TestWriteJSONTexts: the client knows the routes where a text is JSON; it sends all
// other texts unchanged.
func TestWriteJSONTexts(t *testing.T) {
	h := typescript.ServeMux(map[string]http.Handler{
		"POST /text":    takes[string](),
		"POST /time":    takes[time.Time](),
		"POST /pointer": takes[*string](),
		"POST /color":   takes[color](),
		"POST /bytes":   takes[[]byte](),
		"POST /any":     takes[json.RawMessage](),
		"POST /number":  takes[int](),
		"POST /list":    takes[[]string](),
		"POST /object":  takes[order](),
		"POST /none":    takes[struct{}](),
		"POST /raw":     http.NotFoundHandler(),
		"GET /query":    bind.QueryFunc(func(*http.Request, same) (string, error) { return "", nil }),
	})
	var b bytes.Buffer
	if err := typescript.Write(&b, h, typescript.Config{}); err != nil {
		t.Fatal(err)
	}
	want := "const jsonTexts: string[] = [\n  \"POST /any\",\n  \"POST /bytes\",\n  \"POST /color\",\n  \"POST /pointer\",\n  \"POST /text\",\n  \"POST /time\",\n]\n"
	if !strings.Contains(b.String(), want) {
		_, list, _ := strings.Cut(b.String(), "const jsonTexts")
		t.Errorf("no\n%s\nin ...%.200s", want, list)
	}
}

type readsJSON struct{ A int }

func (*readsJSON) UnmarshalJSON([]byte) error { return nil }

type remarks struct {
	A string "json:\"a\" schema:\",default:*/x\" validate:\"eq=*/\\ny\""
}

type Problem struct{ A int }

type both struct {
	In  []int `json:"in"`
	Sub *sub  `json:"sub"`
}
type sub struct {
	B string `json:"b,omitempty" validate:"required"`
}
type same struct {
	ID   int    `json:"id" validate:"required"`
	Name string `json:"name" validate:"required"`
}

func TestWriteInterfaceNames(t *testing.T) {
	type user struct{ Inner string }
	outer := answers[user]()
	h := typescript.ServeMux(map[string]http.Handler{
		"POST /both":   bind.Func(func(*http.Request, both) (both, error) { return both{}, nil }),
		"POST /same":   bind.Func(func(*http.Request, same) (same, error) { return same{}, nil }),
		"GET /problem": answers[Problem](),
		"GET /pattern": answers[pattern.HandlerConfig](),
		"GET /a":       outer,
		"GET /b": func() http.Handler {
			type user struct{ Other int }
			return answers[user]()
		}(),
	})
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := typescript.Write(b, h, typescript.Config{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two runs differ")
	}
	for _, want := range []string{
		"export interface Both {\n  in: number[] | null\n  sub: Sub | null\n}",
		"export interface BothInput {\n  in?: number[]\n  sub?: SubInput | null\n}",
		"export interface Same {\n",
		"body: Same\n    response: Same\n",
		"export interface Typescript_testProblem {\n",
		"export interface Typescript_testUser {\n  Inner: string\n}",
		"export interface Typescript_testUser2 {\n  Other: number\n}",
	} {
		if !strings.Contains(first.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(first.String(), "SameInput") {
		t.Error("a type that is the same on both sides has two interfaces")
	}
	if t.Failed() {
		before, _, _ := strings.Cut(first.String(), "/** A query")
		t.Log(before)
	}
}

func TestWriteEvents(t *testing.T) {
	posts, sends := hub.New(hub.Config{}).Handler("posts"), stream.Handler(stream.Config{}, func(*stream.Stream) error { return nil })
	typed := stream.Types(map[string]any{"post": same{}, "": 0})
	const some, gap = "{ event: string; data: unknown; id: string }", `{ event: "gap"; data: Gap; id: string }`
	const message, post = `{ event: "message"; data: number; id: string }`, `{ event: "post"; data: Same; id: string }`
	for _, c := range []struct {
		why  string
		h    http.Handler
		want string
	}{
		{"a handler that sends what it likes", sends, some},
		{"a hub", posts, some},
		{"behind middleware", middleware.New(middleware.Config{})(posts), some},
		{"a handler whose types are told", typed(sends), message + " | " + post},
		{"a hub whose types are told has its own event too", typed(posts), message + " | " + gap + " | " + post},
		{"a handler of another kind", typed(http.NotFoundHandler()), message + " | " + post},
		{"the layer outside has the last word", stream.Types(map[string]any{"": "", "gap": 0})(typed(posts)),
			strings.Replace(message, "number", "string", 1) + " | " + strings.Replace(gap, "Gap", "number", 1) + " | " + post},
	} {
		t.Run(c.why, func(t *testing.T) {
			text := written(t, "/a", c.h)
			if want := "    events: " + c.want + "\n"; !strings.Contains(text, want) || strings.Contains(text, "response:") {
				t.Errorf("no\n%s\nin\n%s", want, text)
			}
			if decl := "export interface Gap {\n  after: string\n}"; strings.Contains(c.want, gap) && !strings.Contains(text, decl) {
				t.Errorf("no %q in\n%s", decl, text)
			}
		})
	}
}

func TestServeMux(t *testing.T) {
	inner, err := pattern.NewHandler(map[string]http.Handler{"/inner": answers[int]()}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	h := typescript.ServeMux(map[string]http.Handler{
		"/any/{id}":            answers[int](),
		"GET /any/{id}":        answers[string](),
		"PUT /files/{path...}": answers[bool](),
		"/{$}":                 answers[int](),
		"/tree/":               answers[int](),
		"host.example/a":       answers[int](),
		"GET /mounted":         inner,
		"GET /again":           inner,
	})
	var b bytes.Buffer
	if err := typescript.Write(&b, h, typescript.Config{TypesOnly: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"* /any/[id]"`, `"GET /any/[id]"`, `"PUT /files/[[...path]]"`, `"* /"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, &b)
		}
	}
	if n := strings.Count(b.String(), "response:"); n != 5 {
		t.Errorf("%d routes, want 5:\n%s", n, &b)
	}
}

func TestWriteNoRoutes(t *testing.T) {
	for _, h := range []http.Handler{nil, http.NotFoundHandler(), http.NewServeMux(), answers[int]()} {
		if err := typescript.Write(new(bytes.Buffer), h, typescript.Config{}); err == nil {
			t.Errorf("%T: no error", h)
		}
	}
}

// record is a test that records the output of Check.
type record struct{ errors, logs []string }

func (r *record) Helper() {}
func (r *record) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *record) Logf(format string, args ...any) {
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web", "api.ts")
	h := typescript.ServeMux(map[string]http.Handler{"GET /a": answers[int]()})
	check := func(h http.Handler, want string) {
		t.Helper()
		var r record
		typescript.Check(&r, file, h)
		if got := strings.Join(append(r.errors, r.logs...), "\n"); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("Check said %q, want %q", got, want)
		}
	}
	t.Setenv("UPDATE", "")
	check(h, "there is no such file")
	t.Setenv("UPDATE", "1")
	check(h, "wrote")
	check(h, "")
	t.Setenv("UPDATE", "")
	check(h, "")
	check(typescript.ServeMux(map[string]http.Handler{"GET /a": answers[string]()}), "response: number")
	check(http.NotFoundHandler(), "has no routes")

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	check(h, "")
	if err := os.WriteFile(file, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	check(h, "is not what the routes say")
}
