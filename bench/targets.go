package bench

import (
	"slices"

	"github.com/apiece/apiece/bench/internal/report"
	"github.com/apiece/apiece/bench/service"
)

// Targets are the goals of the kit.
func Targets() []report.Target {
	return []report.Target{
		{What: "a whole service, as documented", Note: "" +
			"The kit answers at the deadline, with an ETag and nosniff, and watches the size of responses; [each promise](results.md#what-each-promise-costs) " +
			"has its cost. An event stream lifts a timeout that the others do not have, and has heartbeats and a deadline for writing.",
			Claims: slices.Concat(throughput("documented", "chi", 1.0), throughput("documented", "echo", 1.0), throughput("documented", "gin", 0.90))},
		{What: "a whole service, with equal promises", Note: "" +
			"What is left are the writer that knows whether a response can still be another, path values in the map of net/http, " +
			"and a body that is kept for handlers that read it again.",
			Claims: slices.Concat(throughput("equal promises", "chi", 1.0), throughput("equal promises", "echo", 1.0), throughput("equal promises", "gin", 0.97))},
		{What: "a whole service, with the same promises", Note: "" +
			"Half of what a request allocates is net/http's own, and is in both figures.",
			Claims: slices.Concat(throughput("same promises", service.Fastest, 1.2)[:3], memory("same promises", service.Fastest, 0.5)[:3])},
		{What: "a table of patterns", Note: "" +
			"A request takes 20 ns more than the target would have it, of the microseconds that net/http takes for one: no user feels " +
			"that. The walk is bound by one load for each segment. The target was derived from gin; here bunrouter is the fastest.", Claims: []report.Claim{
			native("GithubAll", 0.45), allocs("routing/GithubAll", "kit table", 0),
		}},
		{What: "many routes, hostile routes", Note: "" +
			"With 10,000 routes the time is that of memory which is not in the cache.", Claims: []report.Claim{
			native("Scale10000", 0.60), native("AdversarialMiss", 0.05),
		}},
		{What: "a handler with path values", Note: "" +
			"Most of it is net/http's SetPathValue, which allocates; HandlerConfig.NoPathValues leaves it out.", Claims: []report.Claim{
			ratio("routing/GithubAll", "kit handler", "stdlib ServeMux", 1.0),
			ratio("routing/GithubAll", "kit handler", "chi", 0.40),
			ratio("routing/GithubAll", "kit no values", "stdlib ServeMux", 0.15),
			allocs("routing/GithubAll", "kit no values", 0),
		}},
		{What: "a time limit, HTTP/1", Note: "" +
			"What is left are the copy of the request, the header that is the handler's own, and the clock. Tried, and " +
			"kept: the state in one allocation, a timer that stays set from one request to the next.", Claims: []report.Claim{
			ratio("middleware/TimeoutHTTP1", "kit", "http.TimeoutHandler", 0.35),
			ratio("middleware/TimeoutHTTP1", "kit", "chi", 1.1),
			allocs("middleware/TimeoutHTTP1", "kit", 5),
			ratio("middleware/Timeout1MBHTTP1", "kit", "http.TimeoutHandler", 0.002),
		}},
		{What: "a time limit, HTTP/2", Note: "" +
			"The goroutine of the handler and the channel it ends by are most of it: HTTP/2 ends a stream when the handler " +
			"of net/http returns.", Claims: []report.Claim{
			ratio("middleware/TimeoutHTTP2", "kit", "http.TimeoutHandler", 1.0),
			ratio("middleware/Timeout1MBHTTP2", "kit", "http.TimeoutHandler", 0.01),
		}},
		{What: "reading a body, as inside bind", Note: "" +
			"The clock and the deadline for slow clients are a third of the time at 200 bytes. The allocation is what " +
			"r.Body yields afterwards: it was part of the memory that is lent, until a copy of the request was seen to read " +
			"the body of another.", Claims: []report.Claim{
			ratio("body/Read200B", "kit, lent", "io.ReadAll", 0.15), allocs("body/Read200B", "kit, lent", 0),
			ratio("body/Read2KB", "kit, lent", "io.ReadAll", 0.15), allocs("body/Read2KB", "kit, lent", 0),
			ratio("body/Read100KB", "kit, lent", "io.ReadAll", 0.5),
			ratio("body/Read1MB", "kit, lent", "io.ReadAll", 0.5),
		}},
		{What: "decoding and validating", Note: "" +
			"The decoder is half of the time and the validator a quarter, and the others run the same two: json.Unmarshal " +
			"and the validator alone take 0.9 of what gin takes for 200 bytes. Tried, and kept: brackets counted in place " +
			"of a scan in front of the decoder, memory that is lent, the value validated where it is.", Claims: []report.Claim{
			ratio("body/Bind200B", "kit", "gin", 0.92), ratio("body/Bind2KB", "kit", "gin", 0.92),
			ratio("body/Bind200B", "kit", "chi + render", 0.8), ratio("body/Bind2KB", "kit", "chi + render", 0.8),
			ratio("body/Bind200B", "kit", "huma", 0.65), ratio("body/Bind2KB", "kit", "huma", 0.65),
			ratio("body/Bind200B", "kit, json v2", "gin", 0.65), ratio("body/Bind2KB", "kit, json v2", "gin", 0.65),
		}},
		{What: "all layers beside each other", Note: "" +
			"The copy of the request is the largest part. Tried, and kept: one context node and one writer for all layers, " +
			"one walk through the contexts, a timer that stays set.", Claims: []report.Claim{
			ratio("middleware/Layers", "kit", "six WithValue", 0.35), allocs("middleware/Layers", "kit", 4),
			ratio("middleware/Layers", "kit with Timeout", "six WithValue", 0.8), allocs("middleware/Layers", "kit with Timeout", 6),
		}},
		{What: "a limit on responses", Note: "" +
			"Allocating the writer is most of it. A pool of writers is ruled out: a handler may keep one for longer than " +
			"its request.", Claims: []report.Claim{
			ratio("middleware/ResponseLimit", "kit, warn", "httpsnoop Wrap", 0.3), allocs("middleware/ResponseLimit", "kit, warn", 1),
		}},
		{What: "an event", Claims: []report.Claim{
			ratio("stream/EncodeShort", "kit AppendTo", "go-sse Message", 0.35), ratio("stream/Encode8Lines", "kit AppendTo", "go-sse Message", 0.35),
			allocs("stream/EncodeShort", "kit AppendTo", 0), allocs("stream/EncodeShort", "kit Stream.Send", 0),
			{Of: "stream/EncodeShort", Kit: "kit Stream.Send", What: "writes/event", Max: 1},
		}},
		{What: "a hub with 10,000 subscribers", Note: "" +
			"4 KB of it are the stack of the subscriber's goroutine, which Go has doubled once.", Claims: []report.Claim{
			ratio("stream/Burst10000", "kit Hub", "go-sse Joe", 0.5), allocs("stream/Burst10000", "kit Hub", 0),
			{Of: "stream/Burst10000", Kit: "kit Hub", What: "B/client", Max: 5.0 * 1024},
			{Of: "stream/Burst10000", Kit: "kit Hub", What: "goroutines/client", Max: 1},
		}},
		{What: "an event to subscribers over sockets", Note: "" +
			"Most of it is the system's: a write for each of them. Joe writes to all from one goroutine, without a deadline, so " +
			"that a client that stalls stops the others.", Claims: []report.Claim{
			ratio("stream/SocketsPaced100", "kit Hub", "go-sse Joe", 1.1),
			ratio("stream/SocketsPaced500", "kit Hub", "go-sse Joe", 1.0),
			ratio("stream/SocketsPaced2000", "kit Hub", "go-sse Joe", 1.0),
		}},
		{What: "a hub with a client that stalls", Claims: []report.Claim{
			{Of: "stream/Stalled", Kit: "kit Hub received", Min: 600},
			{Of: "stream/Stalled", Kit: "kit Hub published", Min: 600},
		}},
		{What: "a page from the cache", Note: "" +
			"Looking for the header fields that an answer may depend on, and for those that ask for no stored one, is most " +
			"of it.", Claims: []report.Claim{
			ratio("cache/Hit", "kit", "bare handler", 2), allocs("cache/Hit", "kit", 6),
			{Of: "cache/Stampede", Kit: "kit runs", Max: 1},
			{Of: "cache/Tags10000", Kit: "kit, at once", Max: 5e6},
			{Of: "cache/Tags10000", Kit: "kit, one by one", Max: 5e6},
		}},
	}
}

// throughput claims at least so many requests per CPU second, relative to a rival.
func throughput(group, to string, min float64) []report.Claim {
	return services(report.Claim{Of: group, To: to, What: "requests per CPU second", Min: min})
}

// memory claims at most so many bytes per request.
func memory(group, to string, max float64) []report.Claim {
	return services(report.Claim{Of: group, To: to, What: "bytes allocated per request", Max: max})
}

func services(c report.Claim) (claims []report.Claim) {
	group := c.Of
	for _, metric := range service.Metrics() {
		c.Kit, c.Of = "apiece", "service/"+group+"/"+metric
		claims = append(claims, c)
	}
	return claims
}

func native(name string, max float64) report.Claim {
	return report.Claim{Of: "routing/" + name, Kit: "kit table", To: report.Fastest, Max: max}
}

func ratio(of, kit, to string, max float64) report.Claim {
	return report.Claim{Of: of, Kit: kit, To: to, Max: max}
}

func allocs(of, kit string, max float64) report.Claim {
	return report.Claim{Of: of, Kit: kit, What: "allocs", Max: max}
}
