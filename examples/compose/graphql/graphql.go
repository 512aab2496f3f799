// Package graphql serves a GraphQL API inside the chain of the kit.
//
// graph-gophers/graphql-go runs the queries. Unlike graphql-go/graphql it is
// maintained, reads the schema in the GraphQL schema language, and has the limits
// that a public server needs: depth, length and number of selections.
//
// The kit handles HTTP: a JSON body, limited in size and time; 405, 413, 415 and 504;
// a deadline in the context of every resolver; and the public message of errors,
// where the library would send Error().
//
//	h, err := graphql.New(schema, &resolver{})
//	chain := middleware.Chain(middleware.Config{
//		BodyParser:  bodyparser.Config{Limit: 64 * bytesize.KB},
//		MaxDuration: 5 * time.Second,
//	})
//	mux.Handle("/api/graphql", chain.Then(h))
//
// Only POST with JSON is served. In the GraphQL over HTTP specification GET is
// optional, and must not run a mutation. A form would allow CSRF, so Body.Decode
// decodes the body, which accepts only JSON, and not package bind.
package graphql

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	gql "github.com/graph-gophers/graphql-go"
	gqlerrors "github.com/graph-gophers/graphql-go/errors"
	gqllog "github.com/graph-gophers/graphql-go/log"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// New returns the handler for a schema and its resolvers.
func New(schema string, resolver any) (http.Handler, error) {
	s, err := gql.ParseSchema(schema, resolver,
		gql.MaxDepth(8),
		gql.MaxQueryLength(10_000),
		gql.MaxSelections(1_000),
		// The library compares fields in pairs before it counts them: without this
		// limit 10,000 bytes of one field take seconds, and no deadline interrupts
		// that.
		gql.OverlapValidationLimit(10_000),
		gql.MaxParallelism(10),
		gql.PanicHandler(quiet{}),
		gql.Logger(gqllog.LoggerFunc(func(ctx context.Context, v any) {
			slog.ErrorContext(ctx, "graphql: panic in a resolver", "panic", v)
		})),
	)
	if err != nil {
		return nil, err
	}
	return middleware.Methods{"POST": handler(s)}, nil
}

// A request is a request as in the specification.
type request struct {
	Query         string    `json:"query"`
	OperationName string    `json:"operationName"`
	Variables     variables `json:"variables"`
}

// encoding/json decodes variables: a Body decodes numbers as json.Number, which the
// library does not support.
type variables map[string]any

func (v *variables) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, (*map[string]any)(v))
}

func handler(s *gql.Schema) reply.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		body, err := bodyparser.Parse(w, r, bodyparser.Config{}) // the body of the chain's parser, if there is one
		if err != nil {
			return err
		}
		var in request
		if err := body.Decode(&in); err != nil {
			return err
		}
		if in.Query == "" {
			return reply.NewError(http.StatusBadRequest, "There is no query")
		}
		out := s.Exec(r.Context(), in.Query, in.OperationName, in.Variables)
		hide(r.Context(), out.Errors)
		return answer(w, r, out)
	}
}

// answer sends the response in the accepted type: application/graphql-response+json
// with a specific status, or application/json always with 200, since older clients
// take another status for a network failure.
func answer(w http.ResponseWriter, r *http.Request, out *gql.Response) error {
	const modern = "application/graphql-response+json"
	if !strings.Contains(r.Header.Get("Accept"), modern) {
		return reply.JSON(w, r, http.StatusOK, out)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if out.Data == nil {
		status = http.StatusBadRequest // nothing was run
	}
	w.Header().Set("Content-Type", modern+"; charset=utf-8")
	return reply.Send(w, r, status, text)
}

// hide replaces the text of resolver errors with their public message, as everywhere
// in the kit, and logs server errors.
func hide(ctx context.Context, errs []*gqlerrors.QueryError) {
	for _, e := range errs {
		if e.ResolverError == nil {
			continue // the client's query, or a panic, which was logged
		}
		status, message := http.StatusInternalServerError, ""
		if known, ok := errors.AsType[interface {
			error
			StatusCode() int
		}](e.ResolverError); ok {
			status = known.StatusCode()
			if public, ok := known.(interface{ PublicMessage() string }); ok {
				message = public.PublicMessage()
			}
		}
		e.Message = cmp.Or(message, http.StatusText(status))
		if status < 500 || ctx.Err() != nil {
			continue // a client error, or the response was sent, or the client has disconnected
		}
		slog.ErrorContext(ctx, "graphql: resolver failed", "path", fmt.Sprint(e.Path), "error", e.ResolverError)
	}
}

// quiet hides the value of a panic from the client.
type quiet struct{}

func (quiet) MakePanicError(context.Context, any) *gqlerrors.QueryError {
	return gqlerrors.Errorf("%s", http.StatusText(http.StatusInternalServerError))
}
