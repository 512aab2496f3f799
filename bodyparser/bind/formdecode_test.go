package bind_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

func TestFormKeysAndValues(t *testing.T) {
	for _, test := range []struct {
		why, body string
		status    int
		want      string // invalid fields, or the JSON of the value
	}{
		{"schema names, json names, and names of fields", `mail=a%40b.example&price=2.5&untagged=x`, 200, `{"email":"a@b.example","price":2.5,"Untagged":"x"}`},
		{"the json name is not the form's if there is another", `email=x`, 422, "/mail required"},
		{"brackets and dots", `mail=a%40b.example&items[0][sku]=x&items.0.qty=2&items[1].sku=y&items[1][qty]=3`, 200,
			`{"email":"a@b.example","items":[{"sku":"x","qty":2},{"sku":"y","qty":3}]}`},
		{"lists by repetition", `mail=a%40b.example&tags=b&tags=a`, 200, `{"email":"a@b.example","tags":["b","a"]}`},
		{"lists by empty brackets", `mail=a%40b.example&tags[]=b&tags[]=a`, 200, `{"email":"a@b.example","tags":["b","a"]}`},
		{"lists by index", `mail=a%40b.example&tags[1]=b&tags[0]=a&tags.7=c`, 200, `{"email":"a@b.example","tags":["a","b","c"]}`},
		{"numbers with commas", `mail=a%40b.example&counts=1,2&counts=3`, 200, `{"email":"a@b.example","counts":[1,2,3]}`},
		{"text types", `mail=a%40b.example&due=2026-01-02T03:04:05Z&from=192.0.2.1`, 200, `{"email":"a@b.example","due":"2026-01-02T03:04:05Z","from":"192.0.2.1"}`},
		{"lists of text types", `mail=a%40b.example&days=2026-01-02T03:04:05Z&days=2027-01-02T03:04:05Z`, 200,
			`{"email":"a@b.example","days":["2026-01-02T03:04:05Z","2027-01-02T03:04:05Z"]}`},
		{"a checkbox", `mail=a%40b.example&gift=on`, 200, `{"email":"a@b.example","gift":true}`},
		{"inputs that were left empty", `mail=a%40b.example&price=&due=&gift=&counts=&tags=&from=&days=`, 200, `{"email":"a@b.example"}`},
		{"a struct in a struct", `mail=a%40b.example&inner[deep].level=3`, 200, `{"email":"a@b.example","inner":{"deep":{"level":3}}}`},
		{"a field of an embedded struct", `mail=a%40b.example&by=me`, 200, `{"by":"me","email":"a@b.example"}`},
		{"unknown keys, and what is hidden", `mail=a%40b.example&secret=x&Secret=x&-=x&more=1&a[=1&]=2&audit=1`, 200, `{"email":"a@b.example"}`},
		{"one text where there are parts", `items=1&inner=2&notes=3`, 400, "/inner type, /items/0 type, /notes type"},
		{"a map of structs", `mail=a%40b.example&notes[a.b][sku]=x&notes[a.b][qty]=1`, 200, `{"email":"a@b.example","notes":{"a.b":{"sku":"x","qty":1}}}`},
		{"a scalar given twice is the last", `mail=x&mail=a%40b.example`, 200, `{"email":"a@b.example"}`},
		{"a scalar under two names", `mail=x&MAIL=a%40b.example`, 400, "/mail duplicate"},
		{"a list in two ways", `tags=x&tags[0]=y`, 400, "/tags/0 duplicate"},
		{"an element in two ways", `tags.0=x&tags[0]=y`, 400, "/tags/0 duplicate"},
		{"wrong types", `price=x&counts=1&counts=b&gift=maybe&inner.deep.level=200&due=tomorrow&from=x&days[1]=x&days[0]=2026-01-02T03:04:05Z`, 400,
			"/counts/1 type, /days/1 type, /due type, /from type, /gift type, /inner/deep/level type, /price type"},
		{"no number at all", `price=NaN`, 400, "/price type"},
		{"nor one that JSON could carry on", `price=-inf`, 400, "/price type"},
		{"rules", `mail=x&tags=a&tags=long+one`, 422, "/mail email, /tags/1 max"},
	} {
		got, err := bind.Body[order](post(formType, test.body))
		wrong, status := fields(err)
		if status != test.status {
			t.Errorf("%s: %d %s, want %d", test.why, status, wrong, test.status)
			continue
		}
		if err != nil {
			if wrong != test.want {
				t.Errorf("%s: %s\nwant %s", test.why, wrong, test.want)
			}
			continue
		}
		var want order
		if err := json.Unmarshal([]byte(test.want), &want); err != nil {
			t.Fatal(err)
		}
		if got.From != nil {
			got.From = got.From.To16()
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nwant %+v", test.why, got, want)
		}
	}
}

// In the decoder these would crash the service, or exhaust its memory.
func TestFormHostileKeys(t *testing.T) {
	var sparse, nested url.Values = url.Values{}, url.Values{}
	for i := range 900 {
		sparse.Add(fmt.Sprintf("items.%d.sku", i%150), "x")
	}
	for i := range 90 {
		nested.Set(fmt.Sprintf("children.%d.children.99.children.99.name", i), "x")
	}
	for _, test := range []struct{ why, body, want string }{
		{"a negative index panics there", "items.-1.sku=x", "/items/-1 index"},
		{"in brackets", "items[-1][sku]=x", "/items/-1 index"},
		{"a sign", "items.%2B1.sku=x", "/items/+1 index"},
		{"letters", "items.one.sku=x", "/items/one index"},
		{"hexadecimal", "items.0x1.sku=x", "/items/0x1 index"},
		{"digits of another script", "items.%D9%A1.sku=x", "/items/\u0661 index"},
		{"beyond any integer", "items.99999999999999999999.sku=x", "/items/99999999999999999999 index"},
		{"many of them", sparse.Encode(), "/items index"},
		{"commas", "counts=" + strings.Repeat("1,", 2000) + "1", " index"},
		{"a name of great length", "items." + strings.Repeat("9", 5000) + ".sku=x", "/items/... index"},
	} {
		r := post(formType, test.body)
		_, err := bind.Body[order](r)
		got, status := fields(err)
		if status != 400 || test.want != "" && got != test.want {
			t.Errorf("%s: %d %.300s, want %s", test.why, status, got, test.want)
		}
	}

	type tree struct {
		Name     string `json:"name"`
		Children []tree `json:"children"`
	}
	if got, err := bind.Body[tree](post(formType, nested.Encode())); err != nil || len(got.Children) != 90 || len(got.Children[89].Children) != 1 {
		t.Errorf("lists in lists: %v", err)
	}
	deep := strings.Repeat("children.0.", 50) + "name=x"
	if got, status := fields(second(bind.Body[tree](post(formType, deep)))); status != 400 || !strings.HasSuffix(got, " index") {
		t.Errorf("a key of many parts: %d %s", status, got)
	}
	if got, err := bind.Body[tree](post(formType, "children.1.children.7.name=x&name=y")); err != nil || len(got.Children) != 1 || got.Children[0].Children[0].Name != "x" {
		t.Errorf("a tree: %+v, %v", got, err)
	}
}

// Ten kilobytes of keys must take no more than a few hundred of memory.
func TestFormHostileKeysAreCheap(t *testing.T) {
	type cart struct {
		Items []struct {
			SKU   string
			Notes []struct{ Text string }
		}
	}
	b := bind.New[cart](bind.Config{})
	for _, key := range []string{"Items.%d.SKU", "Items.%d.Notes.15000.Text", "Items.0.Notes.%d.Text", "Items.%d.Notes.99.Text", "Items[%d][Notes][0][Text]"} {
		values := url.Values{}
		for i := range 400 {
			values.Set(fmt.Sprintf(key, i), "x")
		}
		r := post(formType, values.Encode())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := b.Body(r)
		runtime.ReadMemStats(&after)
		if size := after.TotalAlloc - before.TotalAlloc; err == nil || size > 1<<20 {
			t.Errorf("%s: %d KB, %.100v", key, size>>10, err)
		}
	}
}

func TestFormMultipart(t *testing.T) {
	body := "--b\r\nContent-Disposition: form-data; name=mail\r\n\r\na@b.example\r\n--b\r\nContent-Disposition: form-data; name=tags\r\n\r\nx\r\n--b--\r\n"
	verified := bind.Config{Parser: bodyparser.Config{Verify: func(*http.Request, []byte) error { return nil }}}
	for name, h := range map[string]http.Handler{
		"alone":             bind.Handler(wantOrder(t)),
		"behind a parser":   bodyparser.New(bodyparser.Config{})(bind.Handler(wantOrder(t))),
		"behind a limit":    bodyparser.New(bodyparser.Config{Limit: 10_000})(bind.Handler(wantOrder(t))),
		"with verification": bind.HandlerWith(verified, wantOrder(t)),
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post("multipart/form-data; boundary=b", body))
		if w.Code != 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	withFile := strings.Replace(body, "name=tags", "name=tags; filename=x", 1)
	if _, err := bind.Body[order](post("multipart/form-data; boundary=b", withFile)); err == nil {
		t.Error("a file went nowhere")
	}
	large := strings.Replace(body, "a@b", strings.Repeat("a", 2<<20)+"@b", 1)
	if _, status := fields(second(bind.Body[order](post("multipart/form-data; boundary=b", large)))); status != 413 {
		t.Errorf("a form over the limit: %d", status)
	}
}

func wantOrder(t *testing.T) func(http.ResponseWriter, *http.Request, order) error {
	return func(w http.ResponseWriter, r *http.Request, o order) error {
		if o.Email != "a@b.example" || len(o.Tags) != 1 {
			t.Errorf("%+v", o)
		}
		return nil
	}
}

func TestQueryAndRoute(t *testing.T) {
	type query struct {
		ID    string   `schema:"pid" validate:"max=3"`
		Draft bool     `schema:"draft"`
		Tags  []string `schema:"tag"`
		Slug  []string `schema:"slug"`
		Page  int      `schema:"page,default:1" validate:"min=1"`
	}
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]/[[...slug]]": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			q, err := bind.Query[query](r)
			if err != nil {
				return err
			}
			return reply.JSON(w, r, 200, q)
		}),
	}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		target string
		status int
		want   string
	}{
		{"/api/post/1?draft=true&tag=a&tag=b", 200, `{"ID":"1","Draft":true,"Tags":["a","b"],"Slug":null,"Page":1}`},
		{"/api/post/1/x%2Fy/z?pid=2&slug=3&page=4", 200, `{"ID":"1","Draft":false,"Tags":null,"Slug":["x/y","z"],"Page":4}`},
		{"/api/post/1?page=0", 422, `"/page"`}, // given, so not the default
		{"/api/post/1?page=", 200, `{"ID":"1","Draft":false,"Tags":null,"Slug":null,"Page":1}`},
		{"/api/post/1?page=-1", 422, `"in":"query","path":"/page"`},
		{"/api/post/1?page=x", 400, `"/page"`},
		{"/api/post/1234", 422, `"in":"path","path":"/pid"`},
		{"/api/post/1?tag=%zz", 400, ``},
		{"/api/post/1?a;b", 400, ``},
		{"/api/post/1?" + strings.Repeat("tag=&", 1000), 400, ``},
		{"/api/post/1?" + strings.Repeat("tag=%zz&", 1000), 400, `has too many pairs`}, // counted before parsing
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", test.target, nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%.50s: %d %s, want %d %s", test.target, w.Code, w.Body, test.status, test.want)
		}
	}
	if _, err := bind.Query[[]int](httptest.NewRequest("GET", "/", nil)); err == nil {
		t.Error("a query became a list")
	}
}

// A type may lack a field for a parameter of the route.
func TestQueryStrict(t *testing.T) {
	b := bind.New[struct {
		Page int      `json:"page"`
		Tags []string `json:"tags"`
	}](bind.Config{Strict: true})
	mux := http.NewServeMux()
	mux.Handle("/post/{pid}/{tags}/{rest...}", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		q, err := b.Query(r)
		if err != nil {
			return err
		}
		return reply.JSON(w, r, 200, q)
	}))
	for _, test := range []struct {
		target string
		status int
		want   string
	}{
		{"/post/1/x/a/b?page=2", 200, `{"page":2,"tags":["x"]}`},
		{"/post/1/x/?pid=2&tags=y", 200, `{"page":0,"tags":["x"]}`},
		{"/post/1/x/?pig=2", 400, `"/pig"`},
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", test.target, nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %s, want %d %s", test.target, w.Code, w.Body, test.status, test.want)
		}
	}
}
