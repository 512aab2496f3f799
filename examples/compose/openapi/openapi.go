// Package openapi generates an OpenAPI 3.1 document from the types of the handlers,
// and serves it with Swagger UI.
//
//	doc := openapi.Document(openapi.Info{Title: "Blog", Version: "1.0.0"}, routes)
//	mux.Handle("/docs/", openapi.Handler("/docs/", doc))
//
// The handlers are those of package bind, which report their types and are found by
// pattern.Walk inside every middleware of the kit. huma's registry generates schemas
// from the types, and swgui embeds Swagger UI. Tags of fields have their sources and
// rules; any other handler is listed with its route alone.
//
// A TypeScript front end needs no document: package typescript writes types from the
// same handlers. This is for clients in other languages, and for documentation.
package openapi

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui/v5emb"

	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

// Info describes the service in a document.
type Info = huma.Info

// document collects the operations.
type document struct {
	*huma.OpenAPI
	schemas huma.Registry
	met     map[string]bool // the operations, as "GET /api/posts"
	ids     map[string]bool // of the operations
}

// Document returns the document of the routes that pattern.Walk finds in h. A method
// unknown to OpenAPI is omitted. OpenAPI has no catch-all: it is one segment, and the
// description of the parameter says so. An optional catch-all is listed twice, with
// its segments and without.
func Document(info Info, h http.Handler) *huma.OpenAPI {
	schemas := huma.NewMapRegistry("#/components/schemas/", namer())
	d := document{&huma.OpenAPI{OpenAPI: "3.1.0", Info: &info, Components: &huma.Components{Schemas: schemas}}, schemas, map[string]bool{}, map[string]bool{}}
	var optional []pattern.Endpoint
	for _, all := range []bool{false, true} { // a handler of all methods has what others leave
		for e := range pattern.Walk(h) {
			if route := e.Pattern.String(); route != "" && (e.Method == "") == all {
				d.add(e, template(route))
				if strings.HasSuffix(route, "]]") {
					optional = append(optional, e)
				}
			}
		}
	}
	routes := maps.Clone(d.Paths)
	for _, e := range optional {
		route := e.Pattern.String()
		path := template(route[:strings.LastIndexByte(route, '/')])
		if routes[path] == nil { // a route of its own would answer there
			d.add(e, path)
		}
	}
	return d.OpenAPI
}

// Problem is the format of errors, problem details (RFC 9457). The schema has this name.
type Problem struct {
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Errors []FieldError `json:"errors,omitempty"`
}

// FieldError is an invalid field.
type FieldError struct {
	In      string `json:"in,omitempty" enum:"path,query,header,cookie"`
	Path    string `json:"path"`
	Rule    string `json:"rule"`
	Param   string `json:"param,omitempty"`
	Message string `json:"message"`
}

// add describes an endpoint at a path, which may be without the last segment of its
// pattern.
func (d document) add(e pattern.Endpoint, path string) {
	var in, out reflect.Type
	var fromQuery bool
	for _, layer := range e.Layers {
		if t, ok := layer.(interface {
			Types() (in, out reflect.Type, query bool)
		}); ok {
			in, out, fromQuery = t.Types()
		}
	}
	method := e.Method
	if method == "" { // a handler that takes all of them
		method = http.MethodPost
		if fromQuery || in == nil {
			method = http.MethodGet
		}
	}
	if !slices.Contains([]string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}, method) {
		return
	}
	key := method + " " + path
	if d.met[key] {
		return // found in two places, or in a handler of all methods beside one of this
	}
	d.met[key] = true
	op := &huma.Operation{
		Method: method, Path: path, Parameters: parameters(e.Pattern),
		OperationID: d.operationID(method, path),
		Responses: map[string]*huma.Response{
			"default": {Description: "Problem details", Content: media("application/problem+json", d.schemas.Schema(reflect.TypeFor[Problem](), true, ""))},
		},
	}
	for _, t := range []reflect.Type{in, out} {
		if t != nil {
			d.optionals(t, map[reflect.Type]bool{})
		}
	}
	for in != nil && in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	if in != nil {
		d.request(op, in, fromQuery)
	}
	op.Parameters = slices.DeleteFunc(op.Parameters, func(p *huma.Param) bool {
		return p.In == "path" && !strings.Contains(path+"/", "/{"+p.Name+"}/")
	})
	ok := &huma.Response{Description: "OK"}
	if out != nil {
		ok.Content = media("application/json", d.schemas.Schema(out, true, ""))
	}
	op.Responses["200"] = ok
	d.AddOperation(op)
}

// operationID names an operation: get-api-posts-id, with a number if another has
// that name.
func (d document) operationID(method, path string) string {
	base := strings.ToLower(method) + strings.NewReplacer("/", "-", "{", "", "}", "", ".", "-").Replace(path)
	id := base
	for n := 2; d.ids[id]; n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	d.ids[id] = true
	return id
}

func media(contentType string, s *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{contentType: {Schema: s}}
}

// parameters returns those of a pattern.
func parameters(p pattern.Pattern) (params []*huma.Param) {
	for s := range strings.SplitSeq(p.String(), "/") {
		name, rest, ok := parameter(s)
		if !ok {
			continue
		}
		param := &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
		if rest {
			param.Description = "One segment or more, separated by slashes."
		}
		params = append(params, param)
	}
	return params
}

// template returns a route as OpenAPI writes it.
func template(route string) string {
	segments := strings.Split(route, "/")
	for i, s := range segments {
		if name, _, ok := parameter(s); ok {
			segments[i] = "{" + name + "}"
		}
	}
	return cmp.Or(strings.Join(segments, "/"), "/")
}

// parameter returns the name of a segment in brackets, and whether it takes the rest
// of the path.
func parameter(segment string) (name string, rest, ok bool) {
	if !strings.HasPrefix(segment, "[") {
		return "", false, false
	}
	name, rest = strings.CutPrefix(strings.Trim(segment, "[]"), "...")
	return name, rest, true
}

// Handler serves Swagger UI at the path, which ends in a slash, and the document as
// openapi.json below it. The page loads nothing from other hosts.
func Handler(path string, doc *huma.OpenAPI) http.Handler {
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err) // of huma's own types
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		reply.Send(w, r, http.StatusOK, text)
	})
	mux.Handle("GET "+path, v5emb.New(doc.Info.Title, path+"openapi.json", path))
	return mux
}
