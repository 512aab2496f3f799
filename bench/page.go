package bench

import (
	_ "embed"
	"strings"

	"github.com/apiece/apiece/bench/bodyparser"
	"github.com/apiece/apiece/bench/cache"
	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/report"
	"github.com/apiece/apiece/bench/middleware"
	"github.com/apiece/apiece/bench/pattern"
	"github.com/apiece/apiece/bench/stream"
)

// Suites are all suites that are measured in turns.
func Suites() []compare.Suite {
	return []compare.Suite{pattern.Suite(), bodyparser.Suite(), middleware.Suite(), stream.Suite(), cache.Suite()}
}

// Shared are the modules that several contenders use.
func Shared() []string {
	return []string{
		"github.com/bytedance/sonic", "github.com/go-json-experiment/json", "github.com/go-playground/validator/v10",
		"github.com/gorilla/schema", "github.com/justinas/alice", "github.com/valyala/fasthttp",
	}
}

//go:embed doc.go
var doc string

// rules are those of the package documentation.
func rules() string {
	_, text, _ := strings.Cut(doc, "// # Rules\n//\n")
	text, _, _ = strings.Cut(text, "package bench")
	text = strings.ReplaceAll("\n"+text, "\n//   ", "\n")
	return strings.TrimSpace(text)
}

// Page is how the results are shown.
func Page() report.Page {
	return report.Page{
		Title: "Results",
		Intro: "Made by `go -C bench run ./cmd/report` from the samples in `results.json`, and not by hand. " +
			"Ratios hold within one run; nanoseconds are those of one machine.",
		Rules:   rules(),
		Suites:  Suites(),
		Targets: Targets(),
		Charts:  Charts(),
	}
}

// Charts are the pictures.
func Charts() []report.Chart {
	routers := []string{
		"map of whole paths", "kit table", "kit handler", "kit no values",
		"stdlib ServeMux", "chi", "gin", "httprouter", "echo", "bunrouter", "gorilla/mux",
	}
	return []report.Chart{
		{File: "targets", Title: "The kit and its rivals: time relative to theirs"},
		{File: "routing", Suite: "routing", Title: "A request to one of the 203 routes of the GitHub API", Of: "routing/GithubAll"},
		{File: "routes", Suite: "routing", Title: "A request, with more and more routes", Growth: "routes", Size: "routes", Show: routers},
		{File: "parameters", Suite: "routing", Title: "A request, with more and more parameters in its route", Growth: "parameters", Size: "parameters", Show: routers},
		{File: "build", Suite: "routing", Title: "Making a router, with more and more routes", Growth: "build", Size: "routes"},
		{File: "bind", Suite: "body", Title: "A JSON body of 2 KB, decoded and validated", Of: "body/Bind2KB"},
		{File: "read-growth", Suite: "body", Title: "Reading larger and larger bodies", Growth: "read", Size: "bytes"},
		{File: "bind-growth", Suite: "body", Title: "Decoding and validating larger and larger bodies", Growth: "bind", Size: "bytes", Show: []string{
			"json.Unmarshal alone", "kit", "kit, json v2", "kit, sonic", "gin", "chi + render", "echo", "huma", "fiber, body in memory",
		}},
		{File: "timeout", Suite: "middleware", Title: "A time limit around a handler that writes 100 bytes, HTTP/1.1", Of: "middleware/TimeoutHTTP1"},
		{File: "layers", Suite: "middleware", Title: "More and more layers around a handler", Growth: "layers", Size: "layers", Linear: true},
		{File: "encode", Suite: "stream", Title: "An event with 46 bytes of data", Of: "stream/EncodeShort"},
		{File: "subscribers", Suite: "stream", Title: "Delivering an event, with more and more subscribers", Growth: "subscribers", Size: "subscribers"},
		{File: "subscriber-memory", Suite: "stream", Title: "Memory of a subscriber", Growth: "subscribers", Size: "subscribers", Metric: "B/client"},
		{File: "cache", Suite: "cache", Title: "The same page of 1 KB again", Of: "cache/Hit"},
	}
}
