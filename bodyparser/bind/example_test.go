package bind_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/reply"
)

type Post struct {
	Title string   `json:"title" validate:"required,max=20"`
	Tags  []string `json:"tags" validate:"max=3"`
}

type Created struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
}

func (Created) StatusCode() int { return http.StatusCreated }

// send posts a body and prints the response.
func send(h http.Handler, contentType, body string) {
	r := httptest.NewRequest("POST", "/api/posts", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
}

// A handler with a typed request and response.
func Example() {
	h := bind.Func(func(r *http.Request, p Post) (Created, error) {
		return Created{1, p.Title}, nil
	})
	send(h, "application/json", `{"title": "Hello", "tags": ["go"]}`)
	send(h, "application/x-www-form-urlencoded", `title=Hello&tags=go&tags=web`)
	send(h, "application/json", `{"title": 7}`)
	send(h, "application/json", `{"tags": ["go"]}`)
	// Output:
	// 201 {"id":1,"title":"Hello"}
	// 201 {"id":1,"title":"Hello"}
	// 400 {"title":"Bad Request","status":400,"detail":"title must be a string","errors":[{"path":"/title","rule":"type","message":"must be a string"}]}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"title is required","errors":[{"path":"/title","rule":"required","message":"is required"}]}
}

func ExampleBody() {
	chain := alice.New(bodyparser.New(bodyparser.Config{Limit: 64 * bytesize.KB}))
	h := chain.ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := bind.Body[Post](r)
		if err != nil {
			reply.Problem(w, r, err)
			return
		}
		fmt.Fprintln(w, "thank you for", p.Title)
	})
	send(h, "application/json", `{"title": "Hello"}`)
	// Output: 200 thank you for Hello
}

func ExampleQuery() {
	type page struct {
		Number int    `schema:"page,default:1" validate:"min=1"`
		Sort   string `schema:"sort" validate:"omitempty,oneof=new old"`
	}
	for _, target := range []string{"/?page=2&sort=new", "/", "/?page=0x2&sort=x"} {
		p, err := bind.Query[page](httptest.NewRequest("GET", target, nil))
		fmt.Println(p, err)
	}
	// Output:
	// {2 new} <nil>
	// {1 } <nil>
	// {0 } bind: page must be a whole number in range (not a value of the type)
}

// A mistake that only the handler can detect is answered like a broken rule.
func ExampleErrors() {
	h := bind.Handler(func(w http.ResponseWriter, r *http.Request, p Post) error {
		return &bind.Errors{Fields: []bind.FieldError{{Path: "/title", Rule: "unique", Message: "is taken"}}}
	})
	send(h, "application/json", `{"title": "Hello"}`)

	_, err := bind.Body[Post](httptest.NewRequest("POST", "/", nil))
	var wrong *bind.Errors
	if errors.As(err, &wrong) {
		for f := range wrong.All() {
			fmt.Println(f.Path, f.Rule)
		}
	}
	// Output:
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"title is taken","errors":[{"path":"/title","rule":"unique","message":"is taken"}]}
	// /title required
}

// A service with its own rules passes its validator.
func ExampleNew() {
	type comment struct {
		Text string `json:"text" validate:"polite"`
	}
	rules := validator.New(validator.WithRequiredStructEnabled())
	rules.RegisterValidation("polite", func(f validator.FieldLevel) bool {
		return !strings.Contains(f.Field().String(), "!!!")
	})
	comments := bind.New[comment](bind.Config{Validator: rules, Strict: true, OnError: reply.PlainError})
	h := comments.Handler(func(w http.ResponseWriter, r *http.Request, c comment) error {
		fmt.Fprint(w, c.Text)
		return nil
	})
	send(h, "application/json", `{"text": "well done"}`)
	send(h, "application/json", `{"text": "no!!!"}`)
	send(h, "application/json", `{"txet": "well done"}`)
	// Output:
	// 200 well done
	// 422 text must satisfy the rule polite
	// 400 txet is not a field of this request
}

// A PATCH route that merges the client's changes into the stored record.
func ExampleMerge() {
	type profile struct {
		Name string  `json:"name" validate:"required,max=20"`
		Site *string `json:"site" validate:"omitempty,http_url"`
		Home struct {
			City string `json:"city"`
			Zip  string `json:"zip"`
		} `json:"home"`
	}
	site := "https://ada.example"
	stored := profile{Name: "Ada", Site: &site}
	stored.Home.City = "London"

	h := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		p := stored // load it
		if err := bind.Merge(r, &p); err != nil {
			return err
		}
		stored = p // save it
		return reply.JSON(w, r, http.StatusOK, p)
	})
	send(h, "application/merge-patch+json", `{"home": {"zip": "N1"}, "site": null}`)
	send(h, "application/merge-patch+json", `{"name": null}`)
	send(h, "application/merge-patch+json", `{"name": 7}`)
	// Output:
	// 200 {"name":"Ada","site":null,"home":{"city":"London","zip":"N1"}}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"name is required","errors":[{"path":"/name","rule":"required","message":"is required"}]}
	// 400 {"title":"Bad Request","status":400,"detail":"name must be a string","errors":[{"path":"/name","rule":"type","message":"must be a string"}]}
}

// A PATCH route that makes an UPDATE of the fields that the client sent.
func ExampleOptional() {
	type change struct {
		Nick bind.Optional[string] `json:"nick,omitzero" validate:"omitempty,max=5"`
		Age  bind.Optional[int]    `json:"age,omitzero" validate:"omitempty,min=18"`
	}
	h := bind.Handler(func(w http.ResponseWriter, r *http.Request, in change) error {
		var set []string
		if in.Nick.Set {
			set = append(set, fmt.Sprintf("nick = %q (null: %t)", in.Nick.Value, in.Nick.Null))
		}
		if in.Age.Set {
			set = append(set, fmt.Sprintf("age = %d (null: %t)", in.Age.Value, in.Age.Null))
		}
		_, err := fmt.Fprintln(w, strings.Join(set, ", "))
		return err
	})
	send(h, "application/json", `{"nick": null}`)
	send(h, "application/json", `{"nick": "", "age": 36}`)
	send(h, "application/x-www-form-urlencoded", `nick=&age=36`)
	send(h, "application/json", `{"nick": "a long one"}`)
	// Output:
	// 200 nick = "" (null: true)
	// 200 nick = "" (null: false), age = 36 (null: false)
	// 200 nick = "" (null: true), age = 36 (null: false)
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"nick must have at most 5 characters","errors":[{"path":"/nick","rule":"max","param":"5","message":"must have at most 5 characters"}]}
}

// A form with a file, which is removed when the handler returns, unless it is
// saved.
func ExampleHandlerWith_files() {
	type avatar struct {
		Name  string      `json:"name" validate:"required"`
		Image upload.File `json:"image" validate:"required"`
	}
	cfg := bind.Config{Upload: upload.Config{FileLimit: 2 * bytesize.MB}}
	h := bind.HandlerWith(cfg, func(w http.ResponseWriter, r *http.Request, in avatar) error {
		_, err := fmt.Fprintln(w, in.Name, in.Image.FileName(), in.Image.Size()) // in.Image.SaveAs(path)
		return err
	})
	const formType = "multipart/form-data; boundary=b"
	send(h, formType, "--b\r\nContent-Disposition: form-data; name=name\r\n\r\nAda\r\n"+
		"--b\r\nContent-Disposition: form-data; name=image; filename=me.png\r\n\r\npixels\r\n--b--\r\n")
	send(h, formType, "--b\r\nContent-Disposition: form-data; name=name\r\n\r\nAda\r\n--b--\r\n")
	// Output:
	// 200 Ada me.png 6
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"image is required","errors":[{"path":"/image","rule":"required","message":"is required"}]}
}

// Form fields from another source, for example a message queue.
func ExampleValues() {
	values, _ := url.ParseQuery("title=Hello&tags=go&tags=web")
	p, err := bind.Values[Post](values)
	fmt.Println(p, err)
	// Output: {Hello [go web]} <nil>
}

// Messages in the client's language.
func ExampleConfig_message() {
	cfg := bind.Config{Message: func(r *http.Request, f bind.FieldError) string {
		if f.Rule == "required" && strings.HasPrefix(r.Header.Get("Accept-Language"), "de") {
			return "fehlt"
		}
		return ""
	}}
	h := bind.HandlerWith(cfg, func(http.ResponseWriter, *http.Request, Post) error { return nil })
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Language", "de-AT")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: {"title":"Unprocessable Entity","status":422,"detail":"title fehlt","errors":[{"path":"/title","rule":"required","message":"fehlt"}]}
}

// Fields of a request outside of its body.
func ExampleFunc_places() {
	type Update struct {
		ID    int    `path:"id"`
		Draft bool   `query:"draft,default:true"`
		Token string `header:"X-Token" validate:"required"`
		Title string `json:"title" validate:"required"`
	}
	mux := http.NewServeMux()
	mux.Handle("PUT /api/posts/{id}", bind.Func(func(r *http.Request, u Update) (string, error) {
		return fmt.Sprintf("%d %v %s", u.ID, u.Draft, u.Title), nil
	}))
	for _, target := range []string{"/api/posts/7?draft=false", "/api/posts/7", "/api/posts/seven"} {
		r := httptest.NewRequest("PUT", target, strings.NewReader(`{"title": "Hello", "id": 8, "Token": "from the body"}`))
		r.Header.Set("Content-Type", "application/json")
		if target != "/api/posts/7" {
			r.Header.Set("X-Token", "secret")
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 "7 false Hello"
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"X-Token is required","errors":[{"in":"header","path":"/X-Token","rule":"required","message":"is required"}]}
	// 400 {"title":"Bad Request","status":400,"detail":"id must be a whole number in range","errors":[{"in":"path","path":"/id","rule":"type","message":"must be a whole number in range"}]}
}

// A request without a body has its fields in the query.
func ExampleQueryFunc() {
	type Search struct {
		Words string    `json:"q" validate:"required"`
		Since time.Time `json:"since"`
		Page  int       `json:"page" schema:",default:1"`
	}
	h := bind.QueryFunc(func(r *http.Request, s Search) (string, error) {
		return fmt.Sprint(s.Words, " since ", s.Since.Year(), ", page ", s.Page), nil
	})
	for _, query := range []string{"q=go&since=2026-01-02", "page=x&q=go", ""} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/api/search?"+query, nil))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 "go since 2026, page 1"
	// 400 {"title":"Bad Request","status":400,"detail":"page must be a whole number in range","errors":[{"in":"query","path":"/page","rule":"type","message":"must be a whole number in range"}]}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"q is required","errors":[{"in":"query","path":"/q","rule":"required","message":"is required"}]}
}
