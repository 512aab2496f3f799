package bind

import (
	"fmt"
	"net/http"

	"github.com/apiece/apiece/bodyparser"
)

// An unsupported is the error of package bodyparser for a type that is not JSON,
// if a form would have been accepted too.
type unsupported struct {
	json *bodyparser.Error
	list string
}

func acceptForms(err *bodyparser.Error) error {
	return &unsupported{err, err.Header().Get("Accept") + ", application/x-www-form-urlencoded, multipart/form-data"}
}

func (e *unsupported) Error() string {
	return fmt.Sprintf("bind: %s: %v", e.PublicMessage(), e.json.Err)
}
func (e *unsupported) Unwrap() error         { return e.json }
func (e *unsupported) StatusCode() int       { return e.json.StatusCode() }
func (e *unsupported) PublicMessage() string { return "Unsupported media type, want " + e.list }
func (e *unsupported) Header() http.Header   { return http.Header{"Accept": {e.list}} }
