package torture_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	typeJSON = "Content-Type: application/json"
	typeText = "Content-Type: text/plain"
	typeForm = "Content-Type: application/x-www-form-urlencoded"
	mb       = 1 << 20
)

func xs(n int) string { return strings.Repeat("x", n) }

func post(target, contentType, body string) request {
	return request{method: "POST", target: target, fields: []string{contentType}, body: body}
}

func signature(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, body)
	return "X-Signature: sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func with(r request, fields ...string) request {
	r.fields = append(append([]string(nil), r.fields...), fields...)
	return r
}

func chunked(r request) request { r.chunked = true; return r }
func stays(r request) request   { r.stay = true; return r }

// early is a client that closes its side after the body. Over HTTP/2 that is the end of
// the stream, with no client left.
func early(r request) request { r.early = true; return r }

func lies(r request, length int) request { r.lie = length; return r }

// limitCases test bodies over the limit, on every route that reads one.
func limitCases() (cases []hostileCase) {
	for _, at := range []struct {
		why, target string
		limit       int
		fields      []string
	}{
		{"the parser", "/api/echo", mb, []string{typeText}},
		{"a lower limit", "/api/small", smallLimit, []string{typeText}},
		{"json", "/api/small", smallLimit, []string{typeJSON}},
		{"a form", "/api/small", smallLimit, []string{typeForm}},
		{"a body left to the handler", "/api/raw", smallLimit, []string{typeText}},
		{"multipart left to the handler", "/api/raw", smallLimit, []string{"Content-Type: multipart/form-data; boundary=x"}},
		{"a parser inside a handler", "/api/within", smallLimit, []string{typeText}},
		{"a parser with nothing around it", "/api/alone", smallLimit, []string{typeText}},
		{"a typed handler", "/api/typed", smallLimit, []string{typeJSON}},
		{"a decompressor that is not needed", "/api/inflate", mb, []string{typeText}},
		{"a signature", "/api/signed", mb, []string{typeText, signature(xs(mb + 1))}},
	} {
		over := request{method: "POST", target: at.target, fields: at.fields, body: xs(at.limit + 1)}
		open := over
		open.stay = true
		cases = append(cases,
			hostileCase{why: "one byte over, declared: " + at.why, send: over, want: is(413)},
			hostileCase{why: "one byte over, chunked: " + at.why, send: chunked(over), want: is(413)},
			hostileCase{why: "chunked without end: " + at.why, send: chunked(open), want: is(413)},
		)
		if at.why != "json" && at.why != "a form" && at.why != "multipart left to the handler" && at.why != "a typed handler" {
			full := over
			full.body = xs(at.limit)
			if at.target == "/api/signed" {
				full.fields = []string{typeText, signature(full.body)}
			}
			cases = append(cases, hostileCase{why: "exactly the limit passes: " + at.why, send: full, want: is(200, fmt.Sprintf(`"bytes":%d`, at.limit))})
		}
	}
	return append(cases, []hostileCase{
		{
			why:  "a length of which nothing is sent is refused before anything is read",
			send: lies(stays(post("/api/echo", typeJSON, "")), 1<<30),
			want: is(413, "Body exceeded 1mb limit"),
		},
		{
			why:  "a length that no int holds",
			raw:  "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
			want: is(400),
		},
		{
			why:  "five megabytes all sent, and what they hold is no request",
			send: post("/api/small", typeText, strings.Repeat("GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n", 5*mb/40)),
			want: is(413),
		},
		{
			why:   "thirty-two bodies of the full size at once",
			send:  post("/api/echo", typeText, xs(mb)),
			times: 32,
			want:  is(200, `"bytes":1048576`),
		},
		{
			why:   "thirty-two clients that declare the full size and send a byte",
			send:  early(lies(post("/api/echo", typeText, "x"), mb)),
			times: 32,
			want:  is(400),
			two:   cut,
		},
		{
			why:   "chunks over the limit whose end is there at once, for a handler that reads them itself",
			raw:   fmt.Sprintf("POST /api/raw HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", smallLimit+1, xs(smallLimit+1)),
			times: 100,
			want:  is(413),
		},
		{
			why: "refused before the client is told to continue",
			run: func(a *attack) {
				c := a.dial()
				defer c.Close()
				io.WriteString(c, "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n")
				got := c.answer("POST")
				a.judge(&got, is(413))
				if got.continues != 0 {
					a.find(misfit, "told to continue, and then refused")
				}
				if err := c.ends(); err != nil {
					a.find(harmed, "%v", err)
				}
			},
		},
		{
			why: "a type that is refused is refused before the client is told to continue",
			run: func(a *attack) {
				c := a.dial()
				defer c.Close()
				io.WriteString(c, "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain; charset=klingon\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n")
				got := c.answer("POST")
				a.judge(&got, is(415))
				if got.continues != 0 {
					a.find(misfit, "told to continue, and then refused")
				}
			},
		},
		{
			why: "a handler that does not want the body never tells the client to continue",
			run: func(a *attack) {
				c := a.dial()
				defer c.Close()
				io.WriteString(c, "POST /api/ignored HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\nExpect: 100-continue\r\n\r\n")
				got := c.answer("POST")
				a.judge(&got, is(401))
				if got.continues != 0 {
					a.find(misfit, "told to continue, and then refused")
				}
			},
		},
		{
			why: "a client that is told to continue sends something else",
			run: func(a *attack) {
				c := a.dial()
				defer c.Close()
				io.WriteString(c, "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
				if line, err := c.line(); line != "HTTP/1.1 100 Continue" {
					a.find(misfit, "%q, %v", line, err)
				}
				c.line()
				io.WriteString(c, "GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
				got := c.answer("POST")
				a.judge(&got, is(400))
				if err := c.ends(); err != nil {
					a.find(harmed, "%v", err)
				}
			},
		},
		{
			why:  "an expectation that is not known",
			raw:  "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: the-inquisition\r\n\r\n{}",
			want: is(417),
		},
		{
			why:  "a body for a handler that does not read it, which is no request",
			send: post("/api/ignored", typeText, strings.Repeat("GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n", 10_000)),
			want: is(401),
		},
		{
			why:  "an unexpected body, of a method that has none",
			send: request{method: "GET", target: "/api/echo", fields: []string{typeJSON}, body: xs(mb + 1)},
			want: is(413),
		},
	}...)
}

func brokenBodyCases() []hostileCase {
	half := post("/api/echo", typeJSON, `{"a":1}`)
	upload := post("/api/upload", multipartType, filePart("f", "a.txt", xs(200_000)))
	slowly := upload
	slowly.target = "/api/slow-upload"
	dribble := func(target string) request {
		return request{method: "POST", target: target, fields: []string{typeText}, body: xs(4096), pause: 20 * time.Millisecond}
	}
	return []hostileCase{
		{why: "half of a value that is declared", send: early(lies(half, 100)), want: is(400, "Invalid body"), two: cut},
		{why: "half of a value that would be whole", send: early(lies(post("/api/echo", typeJSON, `[1]`), 4)), want: is(400), two: cut},
		{why: "chunks without the last", send: early(chunked(half)), want: is(400), two: cut},
		{why: "half a form", send: early(lies(post("/api/form", typeForm, "a=1&b=2"), 8)), want: is(400), two: cut},
		{why: "half a text", send: early(lies(post("/api/echo", typeText, "pay 100"), 8)), want: is(400), two: cut},
		{why: "half a body with a signature", send: early(lies(with(post("/api/signed", typeText, "pay 100"), signature("pay 100")), 8)), want: is(400), two: cut},
		{why: "half a body that a handler reads itself", send: early(lies(post("/api/raw", typeText, "half"), 8)), want: either(is(400), cut), two: cut, records: unsaid},
		{why: "half a body inside a handler", send: early(lies(post("/api/within", typeText, "half"), 8)), want: is(400), two: cut},
		{why: "half a body for a typed handler", send: early(lies(post("/api/typed", typeJSON, `{"name":"a"}`), 13)), want: is(400), two: cut},
		{why: "half an upload, and no file stays behind", send: early(lies(upload, 300_000)), want: is(400), two: cut},
		{why: "half an upload, many times at once", send: early(lies(upload, 300_000)), times: 24, want: is(400), two: cut},
		{why: "a client that sends half and waits", send: stays(lies(post("/api/slow", typeText, "half"), 8)), want: is(408)},
		{why: "chunks, and then silence", send: stays(chunked(post("/api/slow", typeText, "half"))), want: is(408)},
		{why: "no byte at all", send: stays(lies(post("/api/slow", typeText, ""), 8)), want: is(408)},
		{why: "a byte now and then", send: dribble("/api/slow"), want: is(408)},
		{why: "forty that send a byte now and then", send: dribble("/api/slow"), times: 40, want: is(408)},
		{why: "an upload that stops", send: stays(lies(slowly, 300_000)), want: is(408)},
		{why: "a byte now and then, and the time is up", send: dribble("/api/late/body"), want: is(504)},
		{
			why: "a client that resets the connection in the middle of its body",
			run: func(a *attack) {
				a.all(20, func(i int) {
					c := a.dial()
					fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n%s",
						[]string{"/api/echo", "/api/raw", "/api/within", "/api/alone"}[i%4], xs(i*1000))
					c.SetLinger(0)
					c.Close()
				})
			},
		},
		{
			why:  "a chunk that is longer than it says",
			raw:  "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
			want: is(400),
		},
		{
			why:  "a chunk length that is none",
			raw:  "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
			want: is(400),
		},
		{
			why:  "a chunk length of seventeen digits",
			raw:  "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n",
			want: is(400),
		},
		{
			why: "chunks of one byte with long extensions, which cost more than they bring",
			raw: "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" +
				strings.Repeat("1;"+xs(3000)+"\r\nx\r\n", 200) + "0\r\n\r\n",
			want: is(400),
		},
	}
}

func contentTypeCases() (cases []hostileCase) {
	for _, c := range []struct {
		why, contentType, body string
		want                   verdict
	}{
		{"an unknown charset", "application/json; charset=klingon", `{}`, is(415)},
		{"a charset that is no name", `application/json; charset="` + xs(100) + `"`, `{}`, is(415)},
		{"two charsets", "application/json; charset=utf-8; charset=utf-16", `{}`, is(415)},
		{"UTF-7, in which <script> has no angle brackets", "application/json; charset=utf-7", `{}`, is(415)},
		{"UTF-16 that ends in the middle of a unit", "application/json; charset=utf-16le", "{\x00}", is(400)},
		{"UTF-16 with half a surrogate pair", "application/json; charset=utf-16le", "\"\x00\x00\xd8\"\x00", is(200, "\ufffd")},
		{"no type at all for JSON is text", "", `{"a":1}`, is(200, `"value":"{\"a\":1}"`)},
		{"text stays text, which other origins may send", "text/plain", `{"a":1}`, is(200, `"value":"{\"a\":1}"`)},
		{"text with JSON in a parameter", `text/plain; x="application/json"`, `{"a":1}`, is(200, `"value":"{\"a\":1}"`)},
		{"a type without a slash", "json", `{}`, is(415)},
		{"a slash and nothing", "application/", `{}`, is(415)},
		{"two types in one line", "text/plain, application/json", `{}`, is(415)},
		{"a type of eighty kilobytes", "application/json; x=" + xs(80_000), `{}`, is(415)},
		{"ten thousand parameters", "application/json" + strings.Repeat("; a=b", 10_000), `{}`, is(415)},
		{"quotes that never end", `application/json; charset="utf-8`, `{}`, is(415)},
		{"a backslash at the end of a quote", `application/json; x="\`, `{}`, is(415)},
		{"a parameter in pieces, with a sparse index", "application/json; x*999999999=a; x*0=b", `{}`, either(is(200), is(415))},
		{"a charset in pieces", "application/json; charset*0=ut; charset*1=f-8", `{}`, either(is(200), is(415))},
		{"a type that only begins with JSON", "application/jsonp", `{"a":1}`, is(200, `"value":"{\"a\":1}"`)},
		{"JSON by its suffix alone is JSON", "application/vnd.evil+json", `{"a":`, is(400)},
	} {
		r := request{method: "POST", target: "/api/echo", body: c.body}
		if c.contentType != "" {
			r.fields = []string{"Content-Type: " + c.contentType}
		}
		cases = append(cases, hostileCase{why: c.why, send: r, want: c.want})
	}
	return append(cases, hostileCase{
		why:  "two Content-Type lines that disagree",
		send: request{method: "POST", target: "/api/echo", fields: []string{typeText, typeJSON}, body: `{"a":`},
		want: either(is(400), is(415), is(200, `"type":"text/plain"`)),
	})
}

func gzipped(text string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func deflated(text string, raw bool) string {
	var b bytes.Buffer
	var z io.WriteCloser = zlib.NewWriter(&b)
	if raw {
		z, _ = flate.NewWriter(&b, flate.BestCompression)
	}
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func compressionCases() []hostileCase {
	const isGzip, isDeflate = "Content-Encoding: gzip", "Content-Encoding: deflate"
	bomb := gzipped(xs(64 * mb))
	at := func(coding, body string) request { return with(post("/api/inflate", typeText, body), coding) }
	return []hostileCase{
		{why: "compressed, where that is not asked for", send: with(post("/api/echo", typeJSON, gzipped(`{}`)), isGzip), want: is(415)},
		{why: "a bomb, where that is not asked for", send: with(post("/api/echo", typeJSON, bomb), isGzip), want: is(415)},
		{why: "a bomb of gzip", send: at(isGzip, bomb), want: is(413)},
		{why: "a bomb of deflate", send: at(isDeflate, deflated(xs(64*mb), false)), want: is(413)},
		{why: "twenty bombs at once", send: at(isGzip, bomb), times: 20, want: is(413)},
		{why: "a bomb in chunks that never end", send: stays(chunked(at(isGzip, bomb))), want: is(413)},
		{why: "exactly the limit, inflated", send: at(isGzip, gzipped(xs(mb))), want: is(200, `"bytes":1048576`)},
		{why: "one byte over, inflated", send: at(isGzip, gzipped(xs(mb+1))), want: is(413)},
		{why: "many members, each nothing", send: at(isGzip, strings.Repeat(gzipped(""), mb/23-1)), want: either(is(200, `"bytes":0`), is(400), is(413))},
		{why: "many members that are a bomb together", send: at(isGzip, strings.Repeat(gzipped(xs(mb/4)), 16)), want: is(413)},
		{why: "a bomb in a bomb", send: at(isGzip, gzipped(bomb)), want: is(200)},
		{why: "gzip that is none", send: at(isGzip, "not gzip at all"), want: is(400)},
		{why: "gzip that ends early", send: at(isGzip, gzipped(`{"a":1}`)[:20]), want: is(400)},
		{why: "gzip without its checksum", send: at(isGzip, gzipped(`{"a":1}`)[:24]), want: is(400)},
		{why: "gzip with a wrong checksum", send: at(isGzip, gzipped("abc")[:23]+"\x00\x00\x00\x00"), want: is(400)},
		{why: "junk after gzip", send: at(isGzip, gzipped("abc")+"GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"), want: is(400)},
		{why: "junk after deflate", send: at(isDeflate, deflated("abc", false)+"junk"), want: is(400)},
		{why: "deflate without its frame, as some clients send it", send: at(isDeflate, deflated("abc", true)), want: either(is(200, `"bytes":3`), is(400))},
		{why: "nothing, and it is called gzip", send: at(isGzip, ""), want: either(is(200), is(400))},
		{why: "two codings", send: at("Content-Encoding: gzip, gzip", gzipped(gzipped("abc"))), want: is(415)},
		{why: "a coding that is not known", send: at("Content-Encoding: br", "abc"), want: is(415)},
		{why: "a hundred codings in lines of their own", send: with(post("/api/inflate", typeText, "abc"), strings.Split(strings.Repeat("\nContent-Encoding: gzip", 100)[1:], "\n")...), want: is(415)},
		{why: "compressed and half", send: early(lies(at(isGzip, gzipped(xs(1000))[:20]), 30)), want: is(400), two: cut},
		{why: "compressed JSON that is deep inside", send: with(post("/api/inflate", typeJSON, gzipped(strings.Repeat("[", mb))), isGzip), want: is(400)},
	}
}
