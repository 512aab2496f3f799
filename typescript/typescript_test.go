package typescript_test

import (
	"bytes"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/typescript"
)

type kind string

func (kind) Values() []string { return []string{"draft", "final", "a | b"} }

type user struct {
	Name string `json:"name" validate:"required,max=80"`
	Raw  []byte `json:"raw,omitempty"`
}

type newPost struct {
	Title   string            `json:"title" validate:"required,max=200"`
	Kind    kind              `json:"kind"`
	Stage   string            `json:"stage" schema:",default:new" validate:"oneof=new old 'in between'"`
	Level   int               `json:"level" validate:"omitempty,oneof=1 2 3"`
	Tags    []string          `json:"tags" validate:"max=10,dive,oneof=go js"`
	Author  user              `json:"author" validate:"required"`
	Labels  map[string]string `json:"labels"`
	At      time.Time         `json:"at" format:"unix"`
	Wait    time.Duration     `json:"wait" format:"duration"`
	Big     int64             `json:"big,string"`
	Any     any               `json:"any"`
	Parent  *newPost          `json:"parent"`
	Hidden  string            `json:"-"`
	private string
}

type stamps struct {
	Created time.Time  `json:"created"`
	Edited  *time.Time `json:"edited,omitempty"`
}

type post struct {
	ID int `json:"id"`
	stamps
	Author  *user    `json:"author"`
	Tags    []string `json:"tags"`
	Related []*post  `json:"related,omitempty"`
	Kind    kind     `json:"kind"`
	Matrix  [2][2]float64
}

type page[T any] struct {
	Items []T `json:"items"`
	Next  int `json:"next,omitempty"`
}

type list struct {
	Page  int      `schema:"page,default:1" validate:"min=1"`
	Sort  []string `schema:"sort"`
	Since *time.Time
	Where struct {
		Author string `schema:"author"`
	} `schema:"where"`
}

type change struct {
	ID    int                   `path:"id"`
	Draft bool                  `query:"draft,default:true"`
	Token string                `header:"X-Token" validate:"required"`
	Theme string                `cookie:"theme"`
	Title bind.Optional[string] `json:"title" validate:"omitempty,max=200"`
	Nick  bind.Optional[*string] `json:"nick"`
}

type form struct {
	Title string        `json:"title" validate:"required"`
	Photo upload.File   `json:"photo" validate:"required"`
	More  []upload.File `json:"more"`
}

// feed is a handler that tells its events.
func routes() http.Handler {
	none := struct{}{}
	_ = none
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts": middleware.New(middleware.Config{})(middleware.Methods{
			"GET":  bind.QueryFunc(func(*http.Request, list) (page[post], error) { return page[post]{}, nil }),
			"POST": bind.Func(func(*http.Request, newPost) (post, error) { return post{}, nil }),
		}),
		"/api/posts/[id]": middleware.Methods{
			"GET":    bind.Func(func(*http.Request, struct{}) (*post, error) { return nil, nil }),
			"PATCH":  bind.Func(func(*http.Request, change) (post, error) { return post{}, nil }),
			"DELETE": http.NotFoundHandler(),
		},
		"/api/photos":           bind.Handler(func(http.ResponseWriter, *http.Request, form) error { return nil }),
		"/api/docs/[[...slug]]": bind.Func(func(*http.Request, struct{}) ([]string, error) { return nil, nil }),
		"/api/raw/[...path]":    http.NotFoundHandler(),
	}, pattern.HandlerConfig{})
	if err != nil {
		panic(err)
	}
	return h
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := typescript.Write(&b, routes(), typescript.Config{}); err != nil {
		t.Fatal(err)
	}
	os.WriteFile("/tmp/h/api.ts", b.Bytes(), 0o644)
}
