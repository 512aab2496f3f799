package torture_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// framingCases test where a request ends, on which all readers of the same bytes must
// agree. Most of it is the work of net/http; the tests show that no piece undoes it.
func framingCases() (cases []hostileCase) {
	const hidden = "GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)
	refused := says(400, 501, 505)
	for _, c := range []struct {
		why, raw string
		want     verdict
	}{
		{"a length and a coding", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunk, either(refused, is(200, fmt.Sprintf(`"bytes":%d`, len(hidden))))},
		{"two lengths", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 41\r\n\r\n{}" + hidden, refused},
		{"two lengths in one line", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 41\r\n\r\n{}" + hidden, refused},
		{"a length with a sign", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}", refused},
		{"a negative length", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}", refused},
		{"a length in hexadecimal", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: 0x2\r\n\r\n{}", refused},
		{"a length with a blank", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: 4 1\r\n\r\n{}" + hidden, refused},
		{"an empty length", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: \r\nConnection: close\r\n\r\n", either(refused, is(200))},
		{"a coding that is not known", "POST /api/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n" + chunk, refused},
		{"two codings", "POST /api/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + chunk, refused},
		{"two lines of codings", "POST /api/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunk, refused},
		{"a coding with a tab", "POST /api/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\x0b\r\n\r\n" + chunk, refused},
		{"a coding in quotes", "POST /api/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n" + chunk, refused},
		{"a blank in front of a colon", "POST /api/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n" + chunk, refused},
		{"a header line that goes on in the next", "POST /api/small HTTP/1.1\r\nHost: x\r\nX-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", either(refused, is(200, `"bytes":2`))},
		{"a header that begins with a blank", "POST /api/small HTTP/1.1\r\n Host: x\r\n\r\n", refused},
		{"a header line without a colon", "GET /api/who HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", refused},
		{"a header line without a name", "GET /api/who HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n", refused},
		{"a NUL in a name", "GET /api/who HTTP/1.1\r\nHost: x\r\nX-\x00A: b\r\n\r\n", refused},
		{"a NUL in a value", "GET /api/who HTTP/1.1\r\nHost: x\r\nX-A: b\x00c\r\n\r\n", refused},
		{"a CR in a value", "GET /api/who HTTP/1.1\r\nHost: x\r\nX-A: b\rX-B: c\r\n\r\n", refused},
		{"a NUL in the target", "GET /api/who\x00 HTTP/1.1\r\nHost: x\r\n\r\n", refused},
		{"a blank in the target", "GET /api/who ?x HTTP/1.1\r\nHost: x\r\n\r\n", refused},
		{"no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", refused},
		{"a target that is no path", "GET api/who HTTP/1.1\r\nHost: x\r\n\r\n", refused},
		{"no version", "GET /api/who\r\n\r\n", refused},
		{"a version in lower case", "GET /api/who http/1.1\r\nHost: x\r\n\r\n", refused},
		{"a version of the future", "GET /api/who HTTP/3.0\r\nHost: x\r\n\r\n", refused},
		{"no host", "GET /api/who HTTP/1.1\r\n\r\n", refused},
		{"two hosts", "GET /api/who HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", refused},
		{"a host with a path", "GET /api/who HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", either(refused, is(200))},
		{"a host with a blank", "GET /api/who HTTP/1.1\r\nHost: a b\r\n\r\n", refused},
		{"a host with markup", "GET /api/who HTTP/1.1\r\nHost: <script>\r\nConnection: close\r\n\r\n", also(either(refused, is(200)), without("<script>"))},
		{"a target with a host of its own", "GET http://other.test/api/who HTTP/1.1\r\nHost: kit.test\r\nConnection: close\r\n\r\n", is(200, `"pattern":"/api/who"`, `"host":"other.test"`)},
		{"a target with a user", "GET http://user:password@kit.test/api/who HTTP/1.1\r\nHost: kit.test\r\nConnection: close\r\n\r\n", also(either(refused, is(200)), without("password"))},
		{"a target of a scheme alone", "GET http:///api/who HTTP/1.1\r\nHost: kit.test\r\nConnection: close\r\n\r\n", either(refused, is(200))},
		{"a target of a scheme without a host", "GET evil:/api/who HTTP/1.1\r\nHost: kit.test\r\nConnection: close\r\n\r\n", either(refused, is(200), is(404))},
		{"a target with two slashes", "GET //evil.test/api/who HTTP/1.1\r\nHost: kit.test\r\nConnection: close\r\n\r\n", onSite},
		{"an asterisk", "GET * HTTP/1.1\r\nHost: kit.test\r\nConnection: close\r\n\r\n", refused},
		{"a header of two megabytes", "GET /api/who HTTP/1.1\r\nHost: x\r\nX-A: " + xs(2*mb) + "\r\n\r\n", is(431)},
		{"a header of fifty thousand lines", "GET /api/who HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: "+xs(50)+"\r\n", 50_000) + "\r\n", is(431)},
		{"a target of two megabytes", "GET /api/who?" + xs(2*mb) + " HTTP/1.1\r\nHost: x\r\n\r\n", either(is(431), is(414), cut)},
		{"HTTP/1.0 and chunks", "POST /api/small HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk, either(refused, is(200))},
		{"HTTP/1.0 without a host", "GET /api/who HTTP/1.0\r\n\r\n", is(200, `"host":""`)},
		{"the beginning of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + xs(32) + "\r\n\r\n", either(refused, cut)},
		{"the beginning of HTTP/2, and nonsense", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + strings.Repeat("\xff", 1000), either(cut, refused)},
		{"half the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", either(cut, refused)},
		{"an upgrade that is not offered", "GET /api/who HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n", is(200)},
		{"an upgrade to HTTP/2", "GET /api/who HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n", is(200)},
		{"a header that Connection tells to drop", "POST /api/small HTTP/1.1\r\nHost: x\r\nConnection: Content-Length, close\r\nContent-Length: 2\r\n\r\n{}", is(200, `"bytes":2`)},
		{"trailers that are headers", "POST /api/small HTTP/1.1\r\nHost: x\r\nTrailer: Content-Length\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 9\r\nHost: evil\r\n\r\n", either(refused, is(200, `"bytes":2`))},
		{"trailers of five megabytes", "POST /api/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nX-A: " + xs(5*mb) + "\r\n\r\n", either(refused, is(431), is(413))},
		{"nonsense", strings.Repeat("\x00\xff\r\n", 1000), either(refused, cut)},
		{"line breaks alone", strings.Repeat("\r\n", 1000), either(refused, cut)},
	} {
		cases = append(cases, hostileCase{why: c.why, raw: c.raw, want: c.want, records: unsaid})
	}

	pipelined := func(first string, method string, want verdict) func(*attack) {
		return func(a *attack) {
			c := a.dial()
			defer c.Close()
			go io.WriteString(c, first+"GET /api/honest/behind HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			got := c.answer(method)
			a.judge(&got, want)
			// It is served as sent, or not at all.
			if next := c.answer("GET"); next.status != 0 && (next.status != 200 || string(next.body) != "behind") {
				a.find(harmed, "%v", &next)
			}
		}
	}
	over := xs(smallLimit + 1)
	for _, c := range []struct {
		why, first, method string
		want               verdict
	}{
		{"a body over the limit", fmt.Sprintf("POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(over), over), "POST", is(413)},
		{"chunks over the limit", fmt.Sprintf("POST /api/small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(over), over), "POST", is(413)},
		{"a type that is refused", "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Type: nonsense\r\nContent-Length: 41\r\n\r\n" + (hidden + "   ")[:41], "POST", is(415)},
		{"a body that is not read", "POST /api/ignored HTTP/1.1\r\nHost: x\r\nContent-Length: 41\r\n\r\n" + (hidden + "   ")[:41], "POST", is(401)},
		{"a time limit", "GET /api/late/ignores HTTP/1.1\r\nHost: x\r\n\r\n", "GET", is(504)},
		{"a panic", "GET /api/panic/before HTTP/1.1\r\nHost: x\r\n\r\n", "GET", is(500)},
		{"half an answer", "GET /api/panic/after HTTP/1.1\r\nHost: x\r\n\r\n", "GET", cut},
		{"an answer over the limit", "GET /api/big/flushed HTTP/1.1\r\nHost: x\r\n\r\n", "GET", cut},
		{"a value that cannot be encoded", "GET /api/encode/channel HTTP/1.1\r\nHost: x\r\n\r\n", "GET", is(500)},
		{"a HEAD", "HEAD /api/who HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD", is(200)},
		{"a redirect", "GET /api/login HTTP/1.1\r\nHost: x\r\n\r\n", "GET", is(307)},
		{"an upload that is refused", fmt.Sprintf("POST /api/upload HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n%s", multipartType, len(over), over), "POST", either(is(400), is(413))},
	} {
		cases = append(cases, hostileCase{why: "a request after " + c.why, run: pipelined(c.first, c.method, c.want), records: unsaid})
	}

	return append(cases,
		hostileCase{why: "two hundred requests in one go", run: func(a *attack) {
			c := a.dial()
			defer c.Close()
			go func() {
				for i := range 200 {
					fmt.Fprintf(c, "POST /api/small HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":%d}", i%9)
				}
			}()
			for i := range 200 {
				got := c.answer("POST")
				a.judge(&got, is(200, fmt.Sprintf(`{"a":%d}`, i%9)))
			}
		}},
		hostileCase{why: "a hundred clients that send their header by the byte", run: func(a *attack) {
			a.all(100, func(int) {
				c := a.dial()
				defer c.Close()
				go func() {
					for _, b := range []byte("GET /api/who HTTP/1.1\r\nHost: x\r\nX-A: " + xs(1000)) {
						if _, err := c.TCPConn.Write([]byte{b}); err != nil {
							return
						}
						time.Sleep(50 * time.Millisecond)
					}
				}()
				got := c.answer("GET")
				a.judge(&got, either(cut, says(400)))
			})
		}},
		hostileCase{why: "three hundred connections without a word", run: func(a *attack) {
			a.all(300, func(i int) {
				c := a.dial()
				if i%2 == 0 {
					c.SetLinger(0)
				}
				c.Close()
			})
		}},
		hostileCase{why: "clients that send a request and are gone", records: unsaid, run: func(a *attack) {
			targets := []string{"/api/who", "/api/flood", "/api/late/ignores", "/api/topic", "/page/1", "/api/big/flushed", "/api/panic/after"}
			a.all(70, func(i int) {
				c := a.dial()
				fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i%len(targets)])
				time.Sleep(time.Duration(i) * time.Millisecond / 4)
				c.SetLinger(0)
				c.Close()
			})
		}},
		hostileCase{why: "a client that closes its side, and waits", send: early(get("/api/who")), want: is(200), onlyOne: true},
	)
}

func methodCases() (cases []hostileCase) {
	allow := field("Allow", "GET, HEAD, OPTIONS, POST")
	for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "GETT", "X-" + xs(5000), "!#$%&'*+-.^_`|~"} {
		cases = append(cases, hostileCase{why: fmt.Sprintf("the method %.20q", method), send: request{method: method, target: "/api/methods"}, want: also(is(405), allow)})
	}
	noCORS := func(a *answer) error {
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				return errors.New("who may read an answer is not for a piece to say")
			}
		}
		return nil
	}
	for _, method := range []string{"GE T", "GE\tT", "GET\x00", "G(T", ""} {
		cases = append(cases, hostileCase{why: fmt.Sprintf("the method %q, which is none", method), raw: method + " /api/methods HTTP/1.1\r\nHost: x\r\n\r\n", want: is(400)})
	}
	return append(cases,
		hostileCase{why: "HEAD", send: request{method: "HEAD", target: "/api/methods"}, want: also(is(200), emptyBody)},
		hostileCase{why: "HEAD of what is not there", send: request{method: "HEAD", target: "/api/nowhere"}, want: also(is(404), emptyBody)},
		hostileCase{why: "HEAD of a failure", send: request{method: "HEAD", target: "/api/panic/before"}, want: also(is(500), emptyBody)},
		hostileCase{why: "HEAD with a body over the limit", send: request{method: "HEAD", target: "/api/small", fields: []string{typeText}, body: xs(smallLimit + 1)}, want: also(is(413), emptyBody)},
		hostileCase{why: "OPTIONS", send: request{method: "OPTIONS", target: "/api/methods"}, want: also(is(204), allow, emptyBody)},
		hostileCase{why: "a preflight", send: request{method: "OPTIONS", target: "/api/methods", fields: []string{"Origin: https://evil.test", "Access-Control-Request-Method: POST"}}, want: also(is(204), noCORS)},
		hostileCase{why: "another origin", send: get("/api/methods", "Origin: https://evil.test"), want: also(is(200), noCORS)},
		hostileCase{why: "another origin that is refused", send: with(post("/api/small", typeText, xs(smallLimit+1)), "Origin: https://evil.test"), want: also(is(413), noCORS)},
		hostileCase{why: "OPTIONS of everything", raw: "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", want: either(is(200), is(204), is(400))},
		hostileCase{why: "CONNECT", raw: "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\nConnection: close\r\n\r\n", want: either(is(404), is(405), is(400))},
		hostileCase{why: "CONNECT with a path", raw: "CONNECT /api/methods HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", want: either(is(404), is(405), is(400))},
		hostileCase{why: "a write to a page that is cached", send: post("/page/1", typeText, "x"), want: is(405)},
		hostileCase{why: "TRACE with secrets", send: request{method: "TRACE", target: "/api/who", fields: []string{"Cookie: session=secret"}}, want: without("session=secret")},
	)
}

// shutdownCases shut a service down while requests are in progress. Each request that
// has begun gets a complete response, and nothing delays the end.
func shutdownCases() (cases []hostileCase) {
	halfBody := "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nhalf"
	upload := filePart("f", "a", xs(300_000)) + lastBoundary
	halfUpload := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n%s", "%s", multipartType, len(upload), upload[:200_000])
	for _, c := range []struct {
		why    string
		begin  string        // what each client sends
		times  int           // clients
		finish func(*client) // once the service has begun to end
		want   verdict
	}{
		{"a body is half there, and comes", fmt.Sprintf(halfBody, "/api/echo"), 8, func(c *client) { io.WriteString(c, "half") }, is(200, "halfhalf")},
		{"a body is half there, and does not come", fmt.Sprintf(halfBody, "/api/slow"), 8, nil, is(408)},
		{"a body is half there, and the client is gone", fmt.Sprintf(halfBody, "/api/echo"), 8, func(c *client) { c.SetLinger(0); c.Close() }, cut},
		{"a time limit is about to end", "GET /api/late/ignores HTTP/1.1\r\nHost: x\r\n\r\n", 8, nil, is(504)},
		{"a handler is about to answer", "GET /api/late/racing HTTP/1.1\r\nHost: x\r\n\r\n", 8, nil, atTheEnd},
		{"an upload is half there, and comes", fmt.Sprintf(halfUpload, "/api/upload"), 4, func(c *client) { io.WriteString(c, upload[200_000:]) }, is(200, "300000")},
		{"an upload is half there, and the client is gone", fmt.Sprintf(halfUpload, "/api/upload"), 4, func(c *client) { c.SetLinger(0); c.Close() }, cut},
		{"an upload is half there, and does not come", fmt.Sprintf(halfUpload, "/api/slow-upload"), 4, nil, is(408)},
		{"sixty-four streams are open", "GET /api/topic HTTP/1.1\r\nHost: x\r\n\r\n", 64, nil, is(200)},
		{"twenty streams are stuck", "GET /api/flood HTTP/1.1\r\nHost: x\r\n\r\n", 20, nil, func(*answer) error { return nil }},
		{"connections are idle", "GET /api/who HTTP/1.1\r\nHost: x\r\n\r\n", 50, nil, is(200)},
	} {
		cases = append(cases, hostileCase{why: c.why, run: func(a *attack) {
			p, err := launch("kit", a.environment...)
			if err != nil {
				a.find(dead, "%v", err)
				return
			}
			own := &attack{process: p}
			var clients []*client
			for range c.times {
				conn := own.dial()
				defer conn.Close()
				io.WriteString(conn, c.begin)
				clients = append(clients, conn)
			}
			own.until("the requests are under way", func(r report) bool { return r.Begun >= p.rest.Begun+c.times })
			over := make(chan error, 1)
			go func() { over <- p.shutdown() }()
			for { // until it accepts no more connections
				conn, err := dial(p)
				if err != nil {
					break
				}
				conn.Close()
				time.Sleep(time.Millisecond)
			}
			own.all(len(clients), func(i int) {
				if c.finish != nil {
					c.finish(clients[i])
				}
				got := clients[i].answer("GET")
				own.judge(&got, c.want)
			})
			if err := <-over; err != nil {
				own.find(dead, "shutting down: %v", err)
			}
			if left := p.files(); len(left) > 0 {
				own.find(leftFiles, "%v", left)
			}
			if err := p.end(); err != nil {
				own.find(dead, "%v", err)
			}
			a.found = append(a.found, own.found...)
		}})
	}
	return cases
}
