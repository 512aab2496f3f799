package bind

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/upload"
)

// Config configures how a request becomes a value. The zero Config is that of
// [Body] and [Handler].
type Config struct {
	// Parser configures how the body is read without a bodyparser.New outside,
	// which otherwise has read it by its own Config. Its OnError and Logger are
	// not used.
	Parser bodyparser.Config

	// Upload limits the form of a T with fields of type upload.File, which
	// package upload reads without Parser. The zero upload.Config is the default
	// of that package.
	Upload upload.Config

	// Validator checks the rules, for services with rules of their own. Nil is
	// the validator with its built-in rules. Register all rules before making
	// Binders, and make all Binders before the first request: a Binder registers
	// the types of Optional in its T, unless the validator knows them.
	Validator *validator.Validate

	// Message replaces the message of a field, for example to translate it: r
	// has the client's language, and f.Rule, f.Param and f.Kind what is wrong.
	// The result follows the name of the field. Nil, and a result of "", keep
	// f.Message, which is in English. r is an empty request for values without
	// one. Messages that a handler returns are not replaced.
	Message func(r *http.Request, f FieldError) string

	// Strict refuses unknown fields, with 400: in the body, and in the query if
	// fields of the type come from there. By default they are ignored, as in
	// encoding/json. Parameters of the route are not fields of the query. A type
	// with its own UnmarshalJSON decides for itself.
	Strict bool

	// MaxRows limits the elements of one list in a form or a query that are given by
	// index, as in items[0][sku]; more is 400. The client's numbers give the
	// order and gaps are closed, but in an array they are indexes. 0 is 100,
	// negative is no limit but the number of pairs.
	MaxRows int

	// MaxElements limits the elements of all lists of a form or a query together, as
	// far as indexes or commas make them; more is 400. 0 is 1000, negative is no
	// limit but the size of the body.
	MaxElements int

	// OnError responds to a request that does not fit, and to errors of the
	// handler. Nil is the OnError of the middleware.Config around it, else
	// problem details with the fields as the member "errors".
	OnError func(w http.ResponseWriter, r *http.Request, err error)

	// Logger logs responses of 500 and above. Nil is the Logger of the
	// middleware.Config around it, else slog.Default.
	Logger *slog.Logger
}

// Validate reports every setting that [New] would refuse, as an error that
// names each, or nil.
func (c Config) Validate() error {
	errs := []error{c.Parser.Validate()}
	if c.Parser.Raw {
		errs = append(errs, errors.New("bind: Config.Parser.Raw would leave nothing to decode"))
	}
	return errors.Join(errs...)
}
