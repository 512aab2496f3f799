package bind

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/upload"
)

// Config says how a request becomes a value. The zero Config does what [Body]
// and [Handler] do.
type Config struct {
	// Parser says how the body is read if no bodyparser.New stands in front,
	// which otherwise has read it by its own Config. Its OnError and Logger are
	// not used.
	Parser bodyparser.Config

	// Upload bounds the form of a T with fields of type upload.File, which is
	// read by package upload: Parser has no say in it. The zero upload.Config is
	// the default of that package.
	Upload upload.Config

	// Validator checks the rules, for services with rules of their own. Nil is
	// the validator with its built-in rules. Register everything before, and make
	// all Binders before the first request: a Binder registers the types of
	// Optional that its T has, if the validator does not know them.
	Validator *validator.Validate

	// Message replaces the message of a field, for another language say: r tells
	// which the client wants, and f.Rule, f.Param and f.Kind what is wrong. The
	// result follows the name of the field. Nil, and a result that is "", keep
	// f.Message, which is in English. r is an empty request for values that came
	// with none. Messages that a handler returns are its own.
	Message func(r *http.Request, f FieldError) string

	// Strict refuses fields that the type does not have, with 400: in the body,
	// and in the query if fields of the type come from there. By default they
	// are ignored, as by encoding/json. Parameters of the route are no fields of
	// the query. A type that reads JSON by itself, by UnmarshalJSON, decides
	// itself.
	Strict bool

	// Rows bounds the elements that one list of a form or a query has by index,
	// as in items[0][sku]; more are 400. The numbers are the client's and say the
	// order: gaps between them are closed, but in an array they are the places. 0
	// is 100, negative leaves the bound to the number of pairs.
	Rows int

	// Elements bounds the elements of all lists of a form or a query together, as
	// far as indexes or commas make them; more are 400. 0 is 1000, negative
	// leaves the bound to the size of the body.
	Elements int

	// OnError answers a request that does not fit, and the errors of the
	// handler. Nil is that of the middleware.Config around it, else a problem
	// document, in which the fields are the member "errors".
	OnError func(w http.ResponseWriter, r *http.Request, err error)

	// Logger is told of responses of 500 and above. Nil is that of the
	// middleware.Config around it, else slog.Default.
	Logger *slog.Logger
}

// Validate reports everything that is wrong with the Config.
func (c Config) Validate() error {
	errs := []error{c.Parser.Validate()}
	if c.Parser.Raw {
		errs = append(errs, errors.New("bind: Config.Parser.Raw would leave nothing to decode"))
	}
	return errors.Join(errs...)
}
