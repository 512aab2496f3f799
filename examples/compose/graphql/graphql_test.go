package graphql_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/graphql"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const schema = `
	type Query {
		add(a: Int!, b: Int!): Int!
		node: Node!
		slow: Boolean!
		fails(public: Boolean!): Int
		answers(status: Int!, message: String!): Int
		panics: Int
	}
	type Mutation { rename(name: String!): Node! }
	type Node { name: String!, node: Node! }
`

type resolver struct{ name string }

type node struct{ r *resolver }

func (n node) Name() string { return n.r.name }
func (n node) Node() node   { return n }

func (r *resolver) Add(in struct{ A, B int32 }) int32 { return in.A + in.B }
func (r *resolver) Node() node                        { return node{r} }
func (r *resolver) Panics() *int32                    { panic("password: hunter2") }

func (r *resolver) Slow(ctx context.Context) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func (r *resolver) Fails(in struct{ Public bool }) (*int32, error) {
	cause := errors.New("sql: password hunter2 refused")
	if in.Public {
		return nil, reply.NewError(http.StatusNotFound, "No such number").WithCause(cause)
	}
	return nil, cause
}

func (r *resolver) Answers(in struct {
	Status  int32
	Message string
}) (*int32, error) {
	return nil, reply.NewError(int(in.Status), in.Message).WithCause(errors.New("sql: password hunter2 refused"))
}

func (r *resolver) Rename(in struct{ Name string }) node {
	r.name = in.Name
	return node{r}
}

func service(t *testing.T, max time.Duration) http.Handler {
	t.Helper()
	h, err := graphql.New(schema, &resolver{name: "root"})
	if err != nil {
		t.Fatal(err)
	}
	return middleware.New(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 32 * bytesize.KB},
		MaxDuration: max,
	})(h)
}

const (
	jsonType = "application/json"
	modern   = "application/graphql-response+json"
)

func TestGraphQLRequests(t *testing.T) {
	log := new(testkit.Log)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log.Logger())
	deep := strings.Repeat("{node", 9) + "{name}" + strings.Repeat("}", 9)
	query := func(q string) string { return fmt.Sprintf(`{"query":%q}`, q) }
	tests := []struct {
		name   string
		method string
		ctype  string
		accept string
		body   string
		status int
		has    string // in the body
		logged int
	}{
		{"query", "POST", jsonType, "", query("{node{name}}"), 200, `{"data":{"node":{"name":"root"}}}`, 0},
		{"variables", "POST", jsonType, "", `{"query":"query Q($a: Int!) {add(a: $a, b: 2)}","variables":{"a":40}}`, 200, `{"data":{"add":42}}`, 0},
		{"operation", "POST", jsonType, "", `{"query":"query A{add(a:1,b:1)} query B{add(a:2,b:2)}","operationName":"B"}`, 200, `{"data":{"add":4}}`, 0},
		{"no variables", "POST", jsonType, "", `{"query":"{node{name}}","variables":null}`, 200, `"root"`, 0},
		{"wrong variable", "POST", jsonType, "", `{"query":"query Q($a: Int!) {add(a: $a, b: 2)}","variables":{"a":"x"}}`, 200, `"errors"`, 0},
		{"list of variables", "POST", jsonType, "", `{"query":"{node{name}}","variables":[]}`, 400, `"status":400`, 0},
		{"mutation", "POST", jsonType, "", query(`mutation{rename(name:"root"){name}}`), 200, `{"data":{"rename":{"name":"root"}}}`, 0},
		{"GET", "GET", "", "", "", 405, "The methods of this resource", 0},
		{"a form", "POST", "application/x-www-form-urlencoded", "", "query=mutation{rename(name:\"x\"){name}}", 415, `"status":415`, 0},
		{"text", "POST", "text/plain", "", query("{node{name}}"), 415, `"status":415`, 0},
		{"bad JSON", "POST", jsonType, "", `{"query":`, 400, "Invalid JSON", 0},
		{"no query", "POST", jsonType, "", `{}`, 400, "There is no query", 0},
		{"too large", "POST", jsonType, "", query(strings.Repeat(" ", 33_000)), 413, "Body exceeded 32kb limit", 0},
		{"too long", "POST", jsonType, modern, query("{node{name}}" + strings.Repeat(" ", 10_000)), 400, "errors", 0},
		{"too deep", "POST", jsonType, modern, query(deep), 400, "exceeds", 0},
		{"too many pairs", "POST", jsonType, modern, query("{node{" + strings.Repeat("name ", 1_900) + "}}"), 400, "aborted", 0},
		{"syntax", "POST", jsonType, "", query("{node{"), 200, "syntax error", 0},
		{"syntax, modern", "POST", jsonType, modern, query("{node{"), 400, "syntax error", 0},
		{"unknown field", "POST", jsonType, modern, query("{secret}"), 400, "Cannot query field", 0},
		{"query, modern", "POST", jsonType, modern + ", application/json;q=0.9", query("{add(a:1,b:2)}"), 200, `{"data":{"add":3}}`, 0},
		{"resolver fails", "POST", jsonType, "", query("{fails(public:false)}"), 200, `"message":"Internal Server Error"`, 1},
		{"in public", "POST", jsonType, "", query("{fails(public:true)}"), 200, `"message":"No such number"`, 0},
		{"without words", "POST", jsonType, "", query("{answers(status:404,message:\"\")}"), 200, `"message":"Not Found"`, 0},
		{"in public, and our fault", "POST", jsonType, "", query("{answers(status:503,message:\"Come back later\")}"), 200, `"message":"Come back later"`, 1},
		{"panic", "POST", jsonType, "", query("{panics}"), 200, `"message":"Internal Server Error"`, 1},
		{"too slow", "POST", jsonType, "", query("{slow}"), 504, `"status":504`, 1},
	}
	patient, hurried := service(t, time.Minute), service(t, 50*time.Millisecond)
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				before := len(log.Records())
				r := httptest.NewRequest(tt.method, "/api/graphql", strings.NewReader(tt.body))
				r.Header.Set("Content-Type", tt.ctype)
				r.Header.Set("Accept", tt.accept)
				h := patient
				if tt.status == http.StatusGatewayTimeout {
					h = hurried
				}
				resp := tr.Do(t, h, r)
				body := testkit.Body(t, resp)
				if resp.StatusCode != tt.status || !strings.Contains(body, tt.has) || strings.Contains(body, "hunter2") {
					t.Errorf("%d %s, want %d with %s", resp.StatusCode, body, tt.status, tt.has)
				}
				if ctype := resp.Header.Get("Content-Type"); strings.HasPrefix(ctype, modern) != (tt.accept != "") {
					t.Errorf("Content-Type %s for Accept %q", ctype, tt.accept)
				}
				for deadline := time.Now().Add(time.Minute); len(log.Records()) < before+tt.logged && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond) // the record of the deadline comes after the response
				}
				if n := len(log.Records()) - before; n != tt.logged {
					t.Errorf("%d records, want %d", n, tt.logged)
				}
			})
		}
	})
}

// TestNewBadSchema: a schema that does not match the resolvers fails at startup.
func TestNewBadSchema(t *testing.T) {
	for _, s := range []string{"type Query { nowhere: Int! }", "type Query {"} {
		if _, err := graphql.New(s, &resolver{}); err == nil {
			t.Errorf("%s is accepted", s)
		}
	}
}
