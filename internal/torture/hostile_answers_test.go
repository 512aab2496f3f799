package torture_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

func get(target string, fields ...string) request { return request{target: target, fields: fields} }

// query returns the target with parameters, given as alternating names and values.
func query(target string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return target + "?" + q.Encode()
}

func cookieCases() (cases []hostileCase) {
	for _, c := range []struct {
		why, cookie string
		want        verdict
	}{
		{"nine hundred kilobytes", "a=" + xs(900_000), is(431)},
		{"three thousand and one pairs", strings.Repeat("b=1; ", 3000) + "a=1", is(431)},
		{"two hundred thousand semicolons", strings.Repeat(";", 200_000), either(is(431), cut)},
		{"one name three thousand times: the first", "a=first" + strings.Repeat("; a=x", 2999), is(200, `"a":"first"`, `"count":1`)},
		{"a lone quote", `a="1; b=2`, is(200, `"a":"\"1"`)},
		{"quotes around an end of the pair", `a="1; b=2"; c=3`, is(200, `"count":3`)},
		{"a malformed escape", "a=%zz", is(200, `"a":"%zz"`)},
		{"an escape that is not UTF-8", "a=%ff", is(200)},
		{"an escaped line break", "a=%0d%0aSet-Cookie:%20b=1", also(is(200, `\r\n`), field("Set-Cookie", ""))},
		{"names that JavaScript takes for its own", "__proto__=1; constructor=2", is(200, `"count":2`)},
		{"no name", "=1; ; =; a=2", is(200, `"a":"2"`)},
		{"bytes outside of ASCII", "a=\xc3\xa9", is(200, `"a":"é"`)},
		{"a signature that is made up", "signed=admin.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", is(200, `"signed":""`)},
		{"a signature alone", "signed=.", is(200, `"signed":""`)},
		{"a seal of nothing", "sealed=", is(200, `"sealed":""`)},
		{"a seal that is made up", "sealed=" + strings.Repeat("QUJD", 1000), is(200, `"sealed":""`)},
		{"draft mode that is made up", "__prerender_bypass=1; __next_preview_data=eyJhbGciOiJub25lIn0.e30.", is(200, `"draft":false`)},
		{"draft mode in the old form", "__prerender_bypass=" + strings.Repeat("ab", 32), is(200, `"draft":false`)},
	} {
		cases = append(cases, hostileCase{why: c.why, send: get("/api/cookies", "Cookie: "+c.cookie), want: c.want})
	}
	for _, c := range []struct{ why, name, value, path, domain string }{
		{"a name with a line break", "a\r\nSet-Cookie: b", "1", "", ""},
		{"a name with a semicolon", "a;Domain=evil.test", "1", "", ""},
		{"no name", "", "1", "", ""},
		{"a path with an attribute", "a", "1", "/; Domain=evil.test", ""},
		{"a path with a line break", "a", "1", "/\r\nX-Evil: 1", ""},
		{"a domain with an attribute", "a", "1", "", "evil.test; Secure"},
		{"a value that is not UTF-8", "a", "\xff", "", ""},
		{"a value of five kilobytes", "a", xs(5000), "", ""},
		{"a name that only a secure cookie may have", "__Host-a", "1", "", ""},
	} {
		target := query("/api/set-cookie", "name", c.name, "value", c.value, "path", c.path, "domain", c.domain)
		cases = append(cases, hostileCase{why: "setting " + c.why, send: get(target), want: also(is(400), field("Set-Cookie", ""), field("X-Evil", ""))})
	}
	return append(cases,
		hostileCase{why: "setting a value with line breaks and attributes", send: get(query("/api/set-cookie", "name", "a", "value", "1\r\nX-Evil: 1; Domain=evil.test")),
			want: also(is(200), field("Set-Cookie", "a=1%0D%0AX-Evil%3A%201%3B%20Domain%3Devil.test"))},
		hostileCase{why: "sixteen of nine hundred kilobytes at once", send: get("/api/cookies", "Cookie: a="+xs(900_000)), times: 16,
			want: either(is(431), cut)}, // cut by ReadHeaderTimeout, on a slow machine
		hostileCase{why: "many lines of cookies", send: get("/api/cookies", strings.Split(strings.Repeat("\nCookie: b=1", 4000)[1:], "\n")...), want: is(431)},
		hostileCase{why: "a cookie larger than the server takes", raw: "GET /api/cookies HTTP/1.1\r\nHost: x\r\nCookie: a=" + xs(2*mb) + "\r\n\r\n", want: is(431)},
	)
}

// injected are texts that would inject lines.
var injected = map[string]string{
	"CR LF":                  "a\r\nX-Evil: 1",
	"LF":                     "a\nX-Evil: 1",
	"CR":                     "a\rX-Evil: 1",
	"CR LF CR LF and a page": "a\r\n\r\n<html>evil",
	"NUL":                    "a\x00b",
	"a backspace":            "a\x08b",
	"an escape":              "a\x1b[2J",
	"DEL":                    "a\x7fb",
	"LF in two bytes":        "a\u560a\u560dX-Evil: 1",
	"a next line":            "a\u0085X-Evil: 1",
	"half of UTF-8":          "a\xc3",
}

func injectionCases() (cases []hostileCase) {
	// The client checks that a header line has no control byte.
	fine := func(statuses ...int) verdict {
		return func(a *answer) error {
			for _, s := range statuses {
				if a.status == s && a.whole() && a.get("X-Evil") == "" {
					return nil
				}
			}
			return fmt.Errorf("want one of %v, and no header of the client's", statuses)
		}
	}
	for _, what := range []string{"CR LF", "LF", "CR", "CR LF CR LF and a page", "NUL", "a backspace", "an escape", "DEL", "LF in two bytes", "a next line", "half of UTF-8"} {
		text := injected[what]
		cases = append(cases,
			hostileCase{why: what + " in a redirect", send: get(query("/api/go", "to", "/"+text)), want: fine(307, 500), records: unsaid},
			hostileCase{why: what + " in a header of an error", send: get(query("/api/refuse", "message", "no", "reason", text)), want: fine(400, 500), records: unsaid},
			hostileCase{why: what + " in the text of an error", send: get(query("/api/plain", "message", text)), want: also(fine(400), field("Content-Type", "text/plain; charset=utf-8"), field("X-Content-Type-Options", "nosniff"))},
		)
	}
	return append(cases,
		hostileCase{why: "markup in the text of an error", send: get(query("/api/plain", "message", "<script>alert(1)</script>")), want: also(is(400), field("Content-Type", "text/plain; charset=utf-8"), field("X-Content-Type-Options", "nosniff"))},
		hostileCase{why: "markup in a path that is not found", send: get("/api/nowhere/<script>alert(1)</script>"), want: also(is(404), without("<script>"))},
		hostileCase{why: "a line break in a path that is redirected", send: get("/docs/a%0d%0aX-Evil:%201/"), want: also(is(308), field("X-Evil", ""))},
		hostileCase{why: "a control byte in the query of a redirect", raw: "GET /docs/a/?b=\x01\x7f HTTP/1.1\r\nHost: x\r\n\r\n", want: either(is(400), is(308))},
		hostileCase{why: "a line break in a text that is sent", send: get("/api/honest/a%0d%0aX-Evil:%201"), want: also(is(200), field("X-Evil", ""))},
	)
}

// onSite wants a redirect that no browser follows off the site, or a rejection.
func onSite(a *answer) error {
	to := a.get("Location")
	switch {
	case !a.whole():
		return errors.New("want a whole answer")
	case to == "" && (a.status >= 400 || a.status == 200):
		return nil
	case strings.HasPrefix(to, "../"), strings.HasPrefix(to, "./"):
		return nil
	case !strings.HasPrefix(to, "/"), strings.HasPrefix(to, "//"), strings.HasPrefix(to, `/\`), strings.ContainsAny(to, "\t\r\n"):
		return fmt.Errorf("redirects to %q", to)
	}
	return nil
}

func redirectCases() (cases []hostileCase) {
	for _, to := range []string{
		"//evil.test", "///evil.test", `/\evil.test`, `\\evil.test`, `\/evil.test`, `/\/evil.test`,
		"https://evil.test", "HTTPS:evil.test", "https:/evil.test", "http:///evil.test", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
		"/\t/evil.test", "\t//evil.test", "/\n/evil.test", "\x01//evil.test", " //evil.test", "/\u200b/evil.test",
		"/.//evil.test", "/..//evil.test", "/a/..//evil.test", "/%2e%2e//evil.test", "/./\\evil.test",
		"//user@evil.test", "https://partner.test@evil.test", "@evil.test", "evil.test", "?next=//evil.test", "#//evil.test", "", "/" + xs(9000),
		"//evil.test%2f..", "/%09/evil.test", "/%5cevil.test", "//[::1]", "//0x7f000001", "https://partner.test.evil.test", "https://partner.test:444/", "http://partner.test/",
	} {
		short := fmt.Sprintf("%.40q", to)
		cases = append(cases, hostileCase{why: "a next page of " + short, send: get(query("/api/login", "next", to)), want: also(onSite, either(is(303), is(307)))})
		if to == "" || to[0] != '/' || strings.HasPrefix(to, "//") {
			cases = append(cases, hostileCase{why: "a listed page of " + short, send: get(query("/api/away", "to", to)), want: also(is(400), field("Location", ""))})
		}
	}
	for _, c := range []struct{ why, target string }{
		{"a slash too many, and then a host", "/docs//evil.test/"},
		{"a path that is a host", "//evil.test/"},
		{"a path that is a host with a backslash", `/\evil.test/`},
		{"an encoded slash and a host", "/docs/%2fevil.test/"},
		{"an encoded backslash and a host", "/docs/%5cevil.test/"},
		{"a host after a prefix that is cut off", "/bare//evil.test/"},
		{"an encoded host after a prefix", "/bare/%2fevil.test/"},
		{"a scheme after a prefix", "/bare/https:evil.test/"},
		{"a scheme as a segment", "/docs/javascript:alert(1)/"},
		{"a segment of dots", "/docs/..%2f..%2fevil.test/"},
	} {
		cases = append(cases, hostileCase{why: "redirected for its slash: " + c.why, raw: "GET " + c.target + " HTTP/1.1\r\nHost: kit.test\r\nConnection: close\r\n\r\n", want: onSite})
	}
	return append(cases,
		hostileCase{why: "a host that is made up has no part in a redirect", raw: "GET /docs/a/ HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: evil.test\r\n\r\n", want: also(is(308), without("evil.test"))},
		hostileCase{why: "a post is not sent on to the next page", send: request{method: "POST", target: query("/api/login", "next", "/welcome"), fields: []string{typeForm}, body: "password=1"}, want: also(is(303), field("Location", "/welcome"))},
	)
}

func decodingCases() (cases []hostileCase) {
	for _, c := range []struct {
		why, target string
		want        verdict
	}{
		{"an encoded percent is decoded once", "/api/post/%252e%252e", is(200, "%2e%2e")},
		{"an encoded percent in front of a slash", "/api/post/a%252fb", is(200, "/api/post/[pid]", "a%2fb")},
		{"an encoded slash stays in its value", "/api/post/a%2fb", is(200, "/api/post/[pid]", "a/b")},
		{"an encoded slash in a list", "/api/post/a%2fb/c", is(200, "/api/post/[...slug]", `"a/b" "c"`)},
		{"encoded dots are no value", "/api/post/%2e%2e", is(404)},
		{"an encoded dot is no value", "/api/post/%2e/x", is(404)},
		{"dots with an encoded slash are a value", "/api/post/..%2f..%2fetc", is(200, "../../etc")},
		{"a static part that is encoded", "/api/post/%63reate", is(200, "/api/post/create")},
		{"a static part that is encoded twice", "/api/post/%2563reate", is(200, "/api/post/[pid]", "%63reate")},
		{"an encoded NUL", "/api/post/%00", is(200, `\x00`)},
		{"an encoded line break", "/api/post/%0a", is(200, `\n`)},
		{"bytes that are not UTF-8", "/api/post/%ff", is(400)},
		{"an overlong slash", "/api/post/%c0%af", is(400)},
		{"half a surrogate pair", "/api/post/%ed%a0%80", is(400)},
		{"a backslash is no slash", `/api/post/a%5cb`, is(200, "/api/post/[pid]")},
		{"a semicolon is no parameter", "/api/post/a;admin=1", is(200, "a;admin=1")},
		{"a question mark that is encoded", "/api/post/a%3fadmin=1", is(200, "a?admin=1")},
		{"a parameter of the path wins over the query", "/api/query/1?id=2", is(200, `{"id":["1"]}`)},
		{"an absent list is not taken from the query", "/api/maybe?x=evil", also(is(200), without("evil"))},
		{"a full-width dot is no dot", "/api/post/%ef%bc%8e%ef%bc%8e", is(200)},
		{"a path parameter with a plus is no space", "/api/query/a+b", is(200, "a+b")},
	} {
		cases = append(cases, hostileCase{why: c.why, send: get(c.target), want: c.want})
	}
	for _, target := range []string{"/api/post/%", "/api/post/%zz", "/api/post/%2", "/api/%u002e"} {
		cases = append(cases, hostileCase{why: "a malformed path " + target, raw: "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n", want: is(400)})
	}
	for _, target := range []string{"/api/../api/honest/a", "/api/./honest/a", "/api//honest/a", "/api/honest/../smuggled"} {
		cases = append(cases, hostileCase{why: "a path to clean " + target, raw: "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", want: onSite})
	}
	return cases
}

func routeCases() (cases []hostileCase) {
	many := ""
	for i := range 40 {
		many += fmt.Sprint("/v", i)
	}
	for _, c := range []struct {
		why, target string
		want        verdict
	}{
		{"a thousand segments for a list", "/api/post" + strings.Repeat("/a", 1000), is(200, "[...slug]")},
		{"a hundred thousand segments for a list", "/api/post" + strings.Repeat("/a", 100_000), either(is(200, "[...slug]"), is(404))},
		{"a hundred thousand segments for no route", "/api/nowhere" + strings.Repeat("/a", 100_000), is(404)},
		{"forty parameters", "/api/many" + many, is(200, "[p39]")},
		{"one more", "/api/many" + many + "/x", is(404)},
		{"forty parameters of ten kilobytes", "/api/many" + strings.Repeat("/"+xs(10_000), 40), is(200)},
		{"a segment of nine hundred kilobytes", "/api/post/" + xs(900_000), is(200, "[pid]")},
		{"a segment of escapes", "/api/post/" + strings.Repeat("%41", 250_000), is(200, "[pid]")},
		{"a list of escapes", "/api/post" + strings.Repeat("/%41", 200_000), either(is(200, "[...slug]"), is(404))},
		{"almost every route, and then none", "/api/hard" + strings.Repeat("/x", 6) + "/y", either(is(200), is(404))},
		{"the beginning of many routes, and far beyond", "/api/hard" + strings.Repeat("/x", 50_000), either(is(200), is(404))},
		{"turns between two of them", "/api/hard" + strings.Repeat("/x/y", 50_000), either(is(200), is(404))},
		{"a tail that fits the longest route but for its end", "/api/ends-here" + strings.Repeat("/x/y/z", 30_000), is(200)},
		{"a query of half a million pairs", "/api/query/1?" + strings.Repeat("a&", 400_000), either(is(200), is(400))},
		{"a query of one long key", "/api/query/1?" + xs(900_000), is(200)},
	} {
		cases = append(cases, hostileCase{why: c.why, send: get(c.target), want: c.want})
	}
	return append(cases, hostileCase{why: "sixteen lists of a hundred thousand segments", send: get("/api/post" + strings.Repeat("/a", 100_000)), times: 16, want: either(is(200), is(404)), limit: 4 * mb})
}

func headerCases() (cases []hostileCase) {
	for _, f := range []string{
		"X-Middleware-Subrequest: middleware:middleware:middleware:middleware:middleware", "X-Middleware-Rewrite: /api/smuggled", "X-Middleware-Next: 1",
		"X-Nextjs-Data: 1", "X-Nextjs-Redirect: https://evil.test", "X-Nextjs-Rewrite: /api/smuggled", "X-Matched-Path: /api/smuggled", "X-Invoke-Path: /api/smuggled", "X-Invoke-Status: 500",
		"X-Now-Route-Matches: 1=evil", "Next-Action: 1", "Next-Resume: 1", "Rsc: 1", "X-Next-Revalidated-Tags: a", "X-Prerender-Revalidate: 1",
		"X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "True-Client-Ip: 127.0.0.1", "X-Forwarded-Host: evil.test", "X-Forwarded-Proto: https", "Forwarded: for=127.0.0.1;host=evil.test",
		"X-Original-Url: /api/smuggled", "X-Rewrite-Url: /api/smuggled", "X-Http-Method-Override: DELETE", "X-Http-Method: DELETE", "X-Method-Override: DELETE", "Base-Url: /api/smuggled",
	} {
		name, _, _ := strings.Cut(f, ":")
		cases = append(cases, hostileCase{
			why:  name + " is of no meaning",
			send: get("/api/who?_method=DELETE&__nextDataReq=1", f),
			want: also(is(200, `"method":"GET"`, `"host":"kit.test"`, `"pattern":"/api/who"`), without("evil"), field("X-Nextjs-Redirect", ""), field("Location", "")),
		})
	}
	return cases
}

func encodeCases() (cases []hostileCase) {
	for _, how := range []string{"channel", "function", "nan", "cycle", "panic", "nonsense", "error", "0", "42", "99", "100", "1000", "-1"} {
		cases = append(cases, hostileCase{why: "a value or a status that cannot be sent: " + how, send: get("/api/encode/" + how), want: also(is(500, `"status":500`), without("a part that can", "log"))})
	}
	return append(cases,
		hostileCase{why: "a source that fails in the middle", send: get("/api/encode/reader"), want: is(500), records: 1}, // Timeout has held back the start
		hostileCase{why: "a source that is shorter than was promised", send: get("/api/encode/promise"), want: cut, records: unsaid},
		hostileCase{why: "a status without a body", send: get("/api/encode/204"), want: also(is(204), emptyBody)},
	)
}

func emptyBody(a *answer) error {
	if len(a.body) > 0 {
		return errors.New("want no body")
	}
	return nil
}

// sized wants a complete response of exactly that size.
func sized(status, size int) verdict {
	return func(a *answer) error {
		if a.status != status || !a.whole() || len(a.body) != size {
			return fmt.Errorf("want a whole %d of %d bytes", status, size)
		}
		return nil
	}
}

func guardCases() []hostileCase {
	refused := is(500, `"status":500`)
	return []hostileCase{
		{why: "exactly the limit passes", send: get("/api/big/exact"), want: sized(200, answerLimit)},
		{why: "one byte more is cut", send: get("/api/big/one"), want: cut, records: 1},
		{why: "declared too long", send: get("/api/big/declared"), want: refused},
		{why: "too long in one write", send: get("/api/big/at-once"), want: refused},
		{why: "too long in many writes", send: get("/api/big/streamed"), want: cut, records: 1},
		{why: "too long after a flush", send: get("/api/big/flushed"), want: cut, records: 1},
		{why: "too long as a string", send: get("/api/big/string"), want: cut, records: 1},
		{why: "too long, and a handler that does not care", send: get("/api/big/swallowed"), want: cut, records: 1},
		{why: "a file that is too long", send: get("/api/big/file"), want: refused},
		{why: "a part of a file that is too long", send: get("/api/big/file", "Range: bytes=0-99999"), want: refused},
		{why: "a part of a file", send: get("/api/big/file", "Range: bytes=0-99"), want: sized(206, 100)},
		{why: "many parts of a file, which are more than it", send: get("/api/big/file", "Range: bytes="+strings.Repeat("0-,", 1000)+"0-"), want: either(refused, cut, is(416)), records: unsaid},
		{why: "a file that is copied", send: get("/api/big/copied"), want: either(refused, cut), records: 1},
		{why: "a value that is too long", send: get("/api/big/json"), want: refused},
		{why: "too long, for many at once", send: get("/api/big/flushed"), times: 32, want: cut, records: 32},
		{why: "the header of what is too long", send: request{method: "HEAD", target: "/api/big/file"}, want: either(refused, is(500), is(200)), records: unsaid},
	}
}

func panicCases() (cases []hostileCase) {
	refused := is(500, `"status":500`)
	for _, c := range []struct {
		how     string
		want    verdict
		records int
	}{
		{"before", refused, 0},
		{"nil", refused, 0},
		{"error", refused, 0},
		{"pointer", refused, 0},
		{"header", also(refused, field("Cache-Control", "")), 0},
		{"after", cut, 1},
		{"buffered", cut, 1},
		{"declared", cut, 1},
		{"whole", is(200, "whole"), 1},
		{"abort", cut, unsaid},
	} {
		cases = append(cases,
			hostileCase{why: c.how, send: get("/api/panic/" + c.how), want: c.want, records: c.records},
		)
	}
	return append(cases,
		hostileCase{why: "with a body that was not read", send: post("/api/panic/before", typeText, strings.Repeat("GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n", 10_000)), want: refused},
		hostileCase{why: "fifty at once", send: get("/api/panic/error"), times: 50, want: refused},
	)
}

// atTheEnd wants one of the two responses, or only the header of the handler's
// response, when the deadline passes between the two.
var atTheEnd = either(is(504, `"status":504`), is(200, "in time"), cut)

// timeoutCases have handlers that are late. One whose deadline passes before it writes
// gets the response of the Timeout.
func timeoutCases() []hostileCase {
	late := is(504, `"status":504`)
	return []hostileCase{
		{why: "a handler that ignores its context", send: get("/api/late/ignores"), want: late},
		{why: "the same, sixty-four times at once", send: get("/api/late/ignores"), times: 64, want: late},
		{why: "a handler that has an answer of its own", send: get("/api/late/waits"), want: late},
		{why: "a handler that is stuck in the body", send: stays(lies(post("/api/late/body", typeText, "half"), 8)), want: late},
		{why: "the same in chunks", send: stays(chunked(post("/api/late/body", typeText, "half"))), want: late},
		{why: "half an answer is out", send: get("/api/late/flushed"), want: either(cut, late), records: 1},
		{why: "a length is promised, and half of it written", send: get("/api/late/declared"), want: either(cut, late), records: 1},
		{why: "a handler that keeps flushing", send: get("/api/late/flushing"), want: either(cut, late), records: 1},
		{why: "a handler that answers at the very end, sixty-four times", send: get("/api/late/racing"), times: 64, want: atTheEnd, records: unsaid},
		{why: "a handler that panics when it learns", send: get("/api/late/panics"), want: late, records: unsaid},
		{why: "a handler that is at its header when the time is up", send: get("/api/late/header"), times: 16, want: late},
		{why: "a HEAD that is late", send: request{method: "HEAD", target: "/api/late/ignores"}, want: is(504)},
		{
			why:     "a handler that writes to a client that does not read",
			records: unsaid,
			run: func(a *attack) {
				before, _ := a.ask("stats")
				for range 8 {
					c := a.dial()
					defer c.Close()
					c.SetReadBuffer(4 << 10)
					fmt.Fprint(c, "GET /api/late/stuck HTTP/1.1\r\nHost: x\r\n\r\n")
				}
				a.until("all are dropped, though the clients hold on", func(r report) bool {
					return r.Records >= before.Records+8 && r.Goroutines <= a.rest.Goroutines
				})
			},
		},
	}
}
