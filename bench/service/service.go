package service

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// The limits of all services, as far as they support them.
const (
	bodyLimit    = 64 << 10
	replyLimit   = 4 << 20
	replyTimeout = 10 * time.Second
)

// A newPost is the body of a POST. Gin reads its own tag.
type newPost struct {
	Title string   `json:"title" validate:"required,max=80" binding:"required,max=80"`
	Text  string   `json:"text" validate:"required,max=2000" binding:"required,max=2000"`
	Email string   `json:"email" validate:"required,email" binding:"required,email"`
	Tags  []string `json:"tags" validate:"max=5,dive,required,max=20" binding:"max=5,dive,required,max=20"`
}

type post struct {
	ID int `json:"id"`
	newPost
}

// accept stands for storing the post. Its id is the length of its text, so that the
// response to every request is known in advance.
func accept(p newPost) post { return post{len(p.Text), p} }

const posts = 1000

// find stands for a lookup of the post by the path parameter.
func find(id string) (post, error) {
	n, err := strconv.Atoi(id)
	switch {
	case err != nil:
		return post{}, failure(http.StatusBadRequest)
	case n < 1 || n > posts:
		return post{}, failure(http.StatusNotFound)
	}
	return post{n, newPost{"Hello", "The first post, which is not long.", "ada@example.org", []string{"meta", "go"}}}, nil
}

// page is 4 KB of HTML.
var page = ("<!doctype html>\n<title>Page</title>\n" + strings.Repeat("<p>A line of a page of the usual kind, which is plain text.\n", 70))[:4<<10]

// event is the data of each event.
const event = `{"id":1,"title":"Hello","tags":["meta","go"]}`

// A failure is a response with only a status.
type failure int

func (f failure) Error() string   { return http.StatusText(int(f)) }
func (f failure) StatusCode() int { return int(f) }

type refusal struct {
	Error string `json:"error"`
}

func (f failure) body() refusal { return refusal{f.Error()} }

// failureOf returns the response to an error. Each library has its own errors for bad requests.
func failureOf(err error) failure {
	var coded interface{ StatusCode() int }
	switch {
	case errors.As(err, new(validator.ValidationErrors)):
		return http.StatusUnprocessableEntity
	case errors.As(err, new(*http.MaxBytesError)):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &coded):
		return failure(coded.StatusCode())
	}
	return http.StatusBadRequest
}

func newValidator() *validator.Validate {
	return validator.New(validator.WithRequiredStructEnabled())
}

// structs adapts the validator to echo and fiber.
type structs struct{ v *validator.Validate }

func (s structs) Validate(x any) error { return s.v.Struct(x) }

// writeJSON is for libraries without a JSON function.
func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text)
}

// fail sends an error for them.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	f := failureOf(err)
	writeJSON(w, int(f), f.body())
}

// overHTTP serves h with net/http, for all services that are an http.Handler.
func overHTTP(h http.Handler) func(net.Listener) error {
	return (&http.Server{
		Handler:           h,
		ReadHeaderTimeout: replyTimeout,
		IdleTimeout:       10 * time.Minute,
	}).Serve
}
