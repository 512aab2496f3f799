// Package graphql serves a GraphQL API behind the chain of the kit.
//
// graph-gophers/graphql-go runs the queries. It is chosen over
// graphql-go/graphql because it is kept up, takes the schema in the language of
// GraphQL, and has the bounds that a server for strangers needs: on depth,
// length and the number of selections.
//
// The kit does HTTP: a body of JSON, bounded in size and time; 405, 413, 415
// and 504; a deadline in the context of every resolver; and what an error may
// tell, which the library takes from Error().
//
//	h, err := graphql.New(schema, &resolver{})
//	chain := middleware.Chain(middleware.Config{
//		BodyParser:  bodyparser.Config{Limit: 64 * bytesize.KB},
//		MaxDuration: 5 * time.Second,
//	})
//	mux.Handle("/api/graphql", chain.Then(h))
//
// Only POST with JSON is served. The specification of GraphQL over HTTP leaves
// GET to the server, and a mutation must not come by it; a form would let any
// page post one in the name of its visitor, so the body is decoded by
// Body.Decode, which takes nothing but JSON, and not by package bind.
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
		// Fields are compared in pairs before they are counted: without a bound
		// 10,000 bytes of one field take seconds, and no deadline ends that.
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

// A request is what the specification calls one.
type request struct {
	Query         string    `json:"query"`
	OperationName string    `json:"operationName"`
	Variables     variables `json:"variables"`
}

// variables are decoded by encoding/json itself: a Body keeps the digits of
// numbers as json.Number, which the library does not know.
type variables map[string]any

func (v *variables) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, (*map[string]any)(v))
}

func handler(s *gql.Schema) reply.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		body, err := bodyparser.Parse(w, r, bodyparser.Config{}) // that of the chain, if there is one
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

// answer sends the response as the client wants it: with a status of its own as
// application/graphql-response+json, and with 200, whatever happened, as
// application/json, since older clients take another status for a failure of
// the network.
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

// hide replaces the text of errors that resolvers return by what the client may
// read, as everywhere in the kit, and logs those that are the server's fault.
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
			continue // the client's fault; or somebody else answers, or nobody waits
		}
		slog.ErrorContext(ctx, "graphql: resolver failed", "path", fmt.Sprint(e.Path), "error", e.ResolverError)
	}
}

// quiet keeps the value of a panic from the client.
type quiet struct{}

func (quiet) MakePanicError(context.Context, any) *gqlerrors.QueryError {
	return gqlerrors.Errorf("%s", http.StatusText(http.StatusInternalServerError))
}
