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
	"github.com/apiece/apiece/bench/service"
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
		Intro: "What the same work costs with apiece, and with the libraries that Go services use for it. Each section has one chart, where thin lines are quartiles, " +
			"and names what apiece loses to by more than 3%, with what it has relative to that. Further down: [all losses](#where-apiece-is-slower), [rules](#rules), " +
			"[versions](#versions), [all figures](#all-figures). Beside this page: [as many subscribers as a machine holds](subscribers.md), " +
			"[what the project aims at](targets.md).",
		Rules:     rules(),
		Names:     names(),
		Questions: questions(),
		Suites:    Suites(),
		Charts:    growth(),
		Summary:   summary(),
		Targets:   Targets(),
		Goals: "Figures that the project aims at, for those who work on it; [results.md](results.md) compares libraries. " +
			"A ratio below 1 says that apiece takes less time.",
	}
}

// names are what contenders are called, where it is not what their code calls them.
func names() report.Names {
	return report.Names{
		"kit table": "apiece Table", "kit handler": "apiece", "kit no values": "apiece NoPathValues",
		"kit NewTable": "apiece Table alone", "stdlib ServeMux": "net/http ServeMux",
		"httprouter std": "httprouter + net/http", "bunrouter std": "bunrouter + net/http", "httptreemux std": "httptreemux + net/http",
		"kit, lent": "apiece in bind", "kit, lent, no deadline": "apiece, no deadline", "kit, json v2": "apiece + json v2", "kit, sonic": "apiece + sonic", "kit behind bodyparser.New": "apiece after parser",
		"stdlib, ReadAll": "net/http + ReadAll", "stdlib, Decoder": "net/http + Decoder", "fiber, body in memory": "fiber",
		"kit AppendTo": "apiece AppendTo", "kit Stream.Send": "apiece Send", "kit Hub": "apiece hub",
		"go-sse Message": "go-sse", "channels": "channels by hand", "writes alone": "writes in a loop",
		"bare": "the handler alone", "bare handler": "no cache", "map and mutex": "map by hand", "otter alone": "otter by hand",
		"apiece without ETag": "no ETag", "apiece without nosniff": "no nosniff", "apiece without Timeout": "no timeout",
		"apiece without a limit on responses": "no response limit", "apiece without a limit on bodies": "no body limit",
		"apiece without path values": "no path values", "apiece without all of these": "none of these", "apiece with sonic for JSON": "sonic for JSON",
	}
}

const (
	perSecond = "Requests per second of CPU"
	perUnit   = "Time for a request"
)

// questions are what readers ask, in this order.
func questions() []report.Question {
	post, get := service.Metrics()[0], service.Metrics()[1]
	own := []string{"kit table", "httprouter", "gin", "echo", "bunrouter", "httptreemux"}
	std := []string{"kit handler", "kit no values", "stdlib ServeMux", "chi", "httprouter std", "bunrouter std", "httptreemux std"}
	read := []string{"kit", "kit, json v2", "kit, sonic", "gin", "echo", "chi + render", "huma", "stdlib, ReadAll", "fiber, body in memory"}
	timed := []string{"kit", "http.TimeoutHandler", "chi", "echo"}
	cached := []string{"kit", "kit, private page", "bare handler", "otter alone", "map and mutex"}
	return []report.Question{
		{
			Title: "A JSON API with everything on",
			Text: "A small service on each library as its documentation sets one up: apiece keeps promises here that the others do not make " +
				"(a timeout that answers, an ETag with 304, nosniff, a watch on the size of responses). Fiber is not net/http.",
			Chart: report.Chart{File: "documented", Title: "A JSON API with everything on", Value: perSecond, Group: "documented"},
		},
		{
			Title: "The same promises from everyone",
			Text: "The same service, where each of the others has by public means what apiece has by default: http.TimeoutHandler, and by hand an ETag with 304, " +
				"nosniff, a watch on the size of responses, and a recoverer that cuts a stream.",
			Chart: report.Chart{File: "same-promises", Title: "The same promises from everyone", Value: perSecond, Group: "same promises"},
		},
		{
			Title: "Only what the others promise",
			Text:  "The same service with what all of them promise: a response after a panic, and a limit on request bodies. apiece is without timeout, ETag, nosniff and limit on responses.",
			Chart: report.Chart{File: "equal-promises", Title: "Only what the others promise", Value: perSecond, Group: "equal promises"},
		},
		{
			Title: "What each promise costs",
			Text:  "The same service with all promises of apiece, and without one of them: what is gained is what it costs.",
			Chart: report.Chart{File: "each-promise", Title: "What each promise costs", Value: perSecond, Panels: []report.Panel{
				{Heading: post, Of: "service/each promise/" + post}, {Heading: get, Of: "service/each promise/" + get},
			}},
		},
		{
			Title: "Routing",
			Text: "A request finds its handler. Where handlers are those of net/http, most of the time goes to handing out path values; apiece has a table " +
				"for handlers of your own too.",
			Chart: report.Chart{File: "routing", Title: "A request finds its handler", Value: perUnit, Panels: []report.Panel{
				{Heading: "203 routes, handlers of net/http", Of: "routing/GithubAll", Show: std},
				{Heading: "One route, handlers of net/http", Of: "routing/Param1", Show: std},
				{Heading: "203 routes, the router's own handlers", Of: "routing/GithubAll", Show: own},
				{Heading: "One route, the router's own handlers", Of: "routing/Param1", Show: own},
			}},
		},
		{
			Title: "Reading and validating a body",
			Text: "JSON becomes a struct, which the same validator checks (huma has its own). Where it is wrong, apiece says in which field, the others hand on the text of the decoder. " +
				"Fiber has read the body before its clock starts.",
			Chart: report.Chart{File: "body", Title: "A JSON body, decoded and validated", Value: perUnit, Panels: []report.Panel{
				{Heading: "200 bytes", Of: "body/Bind200B", Show: read},
				{Heading: "2 KB", Of: "body/Bind2KB", Show: read},
				{Heading: "200 bytes with a field of the wrong type", Of: "body/Refuse200B", Show: read},
			}},
		},
		{
			Title: "A timeout that answers",
			Text: "The deadline is far away; this is what the timeout costs. At the deadline, apiece and http.TimeoutHandler respond even if the handler goes on; under chi and echo " +
				"the client waits for a handler that does not look at its context. http.TimeoutHandler holds the whole response in memory.",
			Chart: report.Chart{File: "timeout", Title: "A timeout around a small handler", Value: perUnit, Panels: []report.Panel{
				{Heading: "HTTP/1.1", Of: "middleware/TimeoutHTTP1", Show: timed},
				{Heading: "HTTP/1.1, the handler looks at its context", Of: "middleware/TimeoutWatchedHTTP1", Show: timed},
				{Heading: "HTTP/2", Of: "middleware/TimeoutHTTP2", Show: timed},
				{Heading: "HTTP/2, the handler looks at its context", Of: "middleware/TimeoutWatchedHTTP2", Show: timed},
			}},
		},
		{
			Title: "Server-sent events",
			Text: "An event reaches its subscribers over sockets, or is only encoded. The hub gives each subscriber a goroutine and a deadline: one that stalls stops no other. " +
				"go-sse and the loop write to all from one goroutine, without deadlines. One event at a time, the goroutines cost a wakeup for each delivery. " +
				"Where a write does nothing (Paced1000 and Paced10000 in [all figures](#all-figures)) that is most of the time, and the hub takes many times as long as go-sse; " +
				"over sockets (SocketsPaced) the write is.",
			Chart: report.Chart{File: "events", Title: "Server-sent events", Value: "Time for a delivery or an event", Panels: []report.Panel{
				{Heading: "One event at a time to 500 subscribers", Of: "stream/SocketsPaced500"},
				{Heading: "200 events at once to 500 subscribers", Of: "stream/Sockets500"},
				{Heading: "An event of 46 bytes is encoded", Of: "stream/EncodeShort"},
			}},
		},
		{
			Title: "A cache hit",
			Text:  "The same page of 1 KB again. The caches by hand look at no header and send what they have to every client, for ever; a handler with nothing else to do needs no cache.",
			Chart: report.Chart{File: "cache", Title: "The same page of 1 KB again", Value: perUnit, Panels: []report.Panel{
				{Heading: "The handler alone, without a network", Of: "cache/Hit", Show: cached},
				{Heading: "Over HTTP/1.1, the client included", Of: "cache/HitLoopback", Show: cached},
			}},
		},
		{
			Title: "How cost grows",
			Text: "A GET with a path parameter over more and more connections, with one processor and with two. How it grows with routes, bytes, layers " +
				"and subscribers is in the charts of [all figures](#all-figures).",
			Chart: report.Chart{File: "connections", Title: "More connections, more processors", Value: perSecond, Group: "growth"},
		},
	}
}

// summary is the chart of the front page: apiece, the best of the others, and net/http.
func summary() report.Chart {
	best := []string{"chi", "echo", "gin"}
	servers := []string{"apiece", "net/http"}
	return report.Chart{File: "summary", Title: "apiece, net/http, and the best of the others", Value: "Time for each", Time: true, Panels: []report.Panel{
		{Heading: "JSON GET, each as documented", Of: "service/documented/" + service.Metrics()[1], Show: servers, Best: best},
		{Heading: "JSON POST, validated, as documented", Of: "service/documented/" + service.Metrics()[0], Show: servers, Best: best},
		{Heading: "Routing, 203 routes", Of: "routing/GithubAll", Show: []string{"kit handler", "kit table", "stdlib ServeMux"}, Best: []string{"chi", "gin", "echo", "httprouter", "bunrouter"}},
		{Heading: "One event to one of 500 SSE subscribers", Of: "stream/SocketsPaced500", Show: []string{"kit Hub", "channels"}, Best: []string{"go-sse Joe", "r3labs"}},
		{Heading: "A page of 1 KB from the cache", Of: "cache/Hit", Show: []string{"kit", "map and mutex"}, Best: []string{"otter alone"}},
		{Heading: "A timeout around a small handler (HTTP/1.1)", Of: "middleware/TimeoutHTTP1", Show: []string{"kit", "http.TimeoutHandler"}, Best: []string{"chi", "echo"}},
	}}
}

// growth are the charts of what grows.
func growth() []report.Chart {
	routers := []string{"map of whole paths", "kit table", "kit handler", "stdlib ServeMux", "chi", "gin", "httprouter", "echo", "bunrouter", "gorilla/mux"}
	return []report.Chart{
		{File: "routes", Suite: "routing", Title: "More and more routes", Value: perUnit, Growth: "routes", Size: "routes", Show: routers},
		{File: "parameters", Suite: "routing", Title: "More and more parameters in a route", Value: perUnit, Growth: "parameters", Size: "parameters", Show: routers},
		{File: "build", Suite: "routing", Title: "Making a router for more and more routes", Value: "Time for a router", Growth: "build", Size: "routes", Show: append(routers[3:], "kit NewTable")},
		{File: "read-growth", Suite: "body", Title: "Reading larger and larger bodies", Value: perUnit, Growth: "read", Size: "bytes"},
		{File: "bind-growth", Suite: "body", Title: "Decoding and validating larger and larger bodies", Value: perUnit, Growth: "bind", Size: "bytes", Show: []string{
			"json.Unmarshal alone", "kit", "kit, json v2", "kit, sonic", "gin", "chi + render", "echo", "huma", "fiber, body in memory",
		}},
		{File: "layers", Suite: "middleware", Title: "More and more layers around a handler", Value: perUnit, Growth: "layers", Size: "layers", Linear: true},
		{File: "subscribers", Suite: "stream", Title: "More and more subscribers in one process", Value: "Time for a delivery", Growth: "subscribers", Size: "subscribers"},
		{File: "subscriber-memory", Suite: "stream", Title: "Memory of a subscriber", Value: "Bytes for a subscriber", Growth: "subscribers", Size: "subscribers", Metric: "B/client"},
	}
}
