package torture_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// noField wants a stream without a line, as a browser splits them, that begins with one
// of the prefixes.
func noField(prefixes ...string) verdict {
	return func(a *answer) error {
		lines := strings.FieldsFunc(a.body, func(r rune) bool { return r == '\r' || r == '\n' })
		for _, line := range lines {
			for _, p := range prefixes {
				if strings.HasPrefix(line, p) {
					return fmt.Errorf("the line %q", line)
				}
			}
		}
		return nil
	}
}

func streamCases() (cases []hostileCase) {
	for _, ending := range []struct{ name, text string }{{"CR LF", "\r\n"}, {"LF", "\n"}, {"CR", "\r"}, {"two LF", "\n\n"}} {
		evil := "x" + ending.text + "event: evil" + ending.text + "id: evil" + ending.text + "retry: 1" + ending.text + ending.text + "data: y"
		fine := also(is(200), noField("event: evil", "id: evil", "retry: 1"))
		cases = append(cases,
			hostileCase{why: ending.name + " in the data of an event", send: get(query("/api/event", "data", evil)), want: fine},
			hostileCase{why: ending.name + " in a comment", send: get(query("/api/event", "data", "x", "comment", evil)), want: fine},
			hostileCase{why: ending.name + " in the name of an event", send: get(query("/api/event", "data", "x", "name", evil)), want: is(400)},
			hostileCase{why: ending.name + " in the id of an event", send: get(query("/api/event", "data", "x", "id", evil)), want: is(400)},
			hostileCase{why: ending.name + " in a line of JSON", send: get(query("/api/lines", "data", evil)), want: also(is(200), oneLine)},
		)
	}
	for _, id := range []string{"nonsense", "-", "-1", "0", "1", "99999999999999999999999999", "aaaa-18446744073709551615", "aaaa-18446744073709551616", "aaaa--1", "aaaa-1-1", "aaaa-0x1", "\xff\xfe", "é-1", xs(100_000), strings.Repeat("-", 1000), "../../1"} {
		cases = append(cases, hostileCase{why: fmt.Sprintf("a last id of %.30q", id), run: func(a *attack) {
			c := a.dial()
			defer c.Close()
			fmt.Fprintf(c, "GET /api/topic HTTP/1.1\r\nHost: x\r\nLast-Event-ID: %s\r\n\r\n", id)
			var got answer
			if err := c.head(&got); err != nil || got.status != 200 {
				a.find(misfit, "%v, %v", &got, err)
				return
			}
			var text strings.Builder
			for !strings.Contains(text.String(), "event: gap") {
				line, err := c.in.ReadString('\n')
				if err != nil {
					a.find(misfit, "no gap, but %q, %v", text.String(), err)
					return
				}
				text.WriteString(line)
			}
			if len(text.String()) > 1000 {
				a.find(misfit, "%q", text.String())
			}
		}})
	}
	return append(cases,
		hostileCase{why: "a NUL in the id of an event", send: get(query("/api/event", "data", "x", "id", "a\x00b")), want: is(400)},
		hostileCase{why: "a byte order mark and NUL in the data", send: get(query("/api/event", "data", "\ufeff\x00")), want: is(200, "data: \ufeff\x00")},
		hostileCase{why: "bytes that are not UTF-8 in the data", send: get(query("/api/event", "data", "\xff")), want: is(200)},
		hostileCase{why: "data of line breaks alone", send: get(query("/api/event", "data", strings.Repeat("\n", 20_000))), want: is(200)},
		hostileCase{why: "an event of nothing", send: get("/api/event"), want: either(is(200), is(400))},
		hostileCase{why: "the header of a stream", send: request{method: "HEAD", target: "/api/flood"}, want: also(is(200), emptyBody)},
		hostileCase{why: "twenty that never read", limit: mb / 4, times: 20, run: func(a *attack) { flood(a, 20, func(*client) {}) }},
		hostileCase{why: "forty that read a byte now and then", run: func(a *attack) {
			flood(a, 40, func(c *client) {
				for range 10 {
					time.Sleep(20 * time.Millisecond)
					c.TCPConn.Read(make([]byte, 1))
				}
			})
		}},
		hostileCase{why: "forty that read, and are gone", run: func(a *attack) {
			flood(a, 40, func(c *client) {
				io.CopyN(io.Discard, c, 100_000)
				c.SetLinger(0)
				c.Close()
			})
		}},
		hostileCase{why: "more subscribers than there is room for", run: func(a *attack) {
			open := subscribe(a, maxSubscribers)
			got := a.exchange(get("/api/topic"))
			a.judge(&got, also(is(503), func(a *answer) error {
				if a.get("Retry-After") == "" {
					return errors.New("want Retry-After")
				}
				return nil
			}))
			for i, c := range open {
				if i%2 == 0 {
					c.SetLinger(0)
				}
				c.Close()
			}
			a.until("there is room again", func(r report) bool { return r.Goroutines <= a.rest.Goroutines })
			for _, c := range subscribe(a, 1) {
				c.Close()
			}
		}},
		hostileCase{why: "subscribers that do not read what is published", run: func(a *attack) {
			open := subscribe(a, 20)
			publisher := a.dial()
			defer publisher.Close()
			for i := range 1000 {
				fmt.Fprintf(publisher, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", query("/api/publish", "data", xs(16<<10)))
				if got := publisher.answer("GET"); got.status != 200 {
					a.find(misfit, "event %d: %v", i, &got)
					return
				}
			}
			a.until("they are gone, though they hold on", func(r report) bool { return r.Goroutines <= a.rest.Goroutines+2 })
			for _, c := range open {
				c.Close()
			}
		}},
		hostileCase{why: "fifty idle connections, and fifty idle streams", run: func(a *attack) {
			var idle []*client
			for range 50 {
				idle = append(idle, a.dial())
			}
			idle = append(idle, subscribe(a, 50)...)
			if f := honest(a.process); f != nil {
				a.find(f.kind, "%s", f.text)
			}
			for _, c := range idle {
				c.Close()
			}
		}},
		hostileCase{why: "a stream for HTTP/1.0", raw: "GET /api/event?data=x HTTP/1.0\r\n\r\n", want: is(200, "data: x")},
		hostileCase{why: "a request after that for a stream is not served within it", run: func(a *attack) {
			c := a.dial()
			defer c.Close()
			io.WriteString(c, "GET /api/event?data=x HTTP/1.1\r\nHost: x\r\n\r\nGET /api/honest/behind HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			first := c.answer("GET")
			a.judge(&first, also(is(200, "data: x"), without("behind")))
			if second := c.answer("GET"); second.whole() && !strings.Contains(second.body, "behind") {
				a.find(harmed, "%v", &second)
			}
		}},
	)
}

func oneLine(a *answer) error {
	if n := strings.Count(a.body, "\n"); n != 1 || strings.Contains(a.body, "\r") {
		return fmt.Errorf("%d lines", n)
	}
	return nil
}

// flood opens streams that never pause, and treats them as given. The service must end
// them while the clients keep their side open.
func flood(a *attack, streams int, treat func(*client)) {
	clients := make([]*client, streams)
	before, _ := a.ask("stats")
	a.all(streams, func(i int) {
		c := a.dial()
		clients[i] = c
		c.SetReadBuffer(4 << 10)
		io.WriteString(c, "GET /api/flood HTTP/1.1\r\nHost: x\r\n\r\n")
		treat(c)
	})
	a.until("the streams are dropped", func(r report) bool {
		return r.Begun >= before.Begun+streams && r.Goroutines <= a.rest.Goroutines
	})
	for _, c := range clients {
		c.Close()
	}
}

// subscribe opens streams without events.
func subscribe(a *attack, n int) (open []*client) {
	for range n {
		c := a.dial()
		io.WriteString(c, "GET /api/topic HTTP/1.1\r\nHost: x\r\n\r\n")
		var got answer
		if err := c.head(&got); err != nil || got.status != http.StatusOK {
			a.find(misfit, "subscribing: %v, %v", &got, err)
		}
		open = append(open, c)
	}
	return open
}

func cacheCases() (cases []hostileCase) {
	for _, f := range []string{"X-Forwarded-Host: evil.test", "Host: evil.test", "Cookie: session=secret", "X-Original-Url: /page/evil", "Authorization: Bearer secret", "Cookie: x=1\r\nX-Forwarded-Host: evil.test"} {
		cases = append(cases, hostileCase{why: fmt.Sprintf("a page made for %q is not given to others", f), run: func(a *attack) {
			target := fmt.Sprintf("/page/%d", nonces.Add(1))
			for i, r := range []request{get(target, f), get(target), get(target, f), get(target)} {
				got := a.exchange(r)
				want := is(200, "page")
				if i%2 == 1 {
					want = also(is(200, `of kit.test for ""`), without("evil", "secret"))
				}
				a.judge(&got, want)
			}
		}})
	}
	revalidate := func(path string, fields ...string) request {
		return with(request{method: "POST", target: query("/api/revalidate", "secret", secret, "path", path)}, fields...)
	}
	for _, path := range []string{"http://evil.test/page/1", "//evil.test/page/1", `/\evil.test/page/1`, "page/1", "", "*", "/nowhere", "/page/1\r\nHost: evil.test", "/page/%zz", "/page/../api/smuggled", "/page/\x00", "/" + xs(100_000), "?x=1", "#"} {
		cases = append(cases, hostileCase{why: fmt.Sprintf("revalidating %.40q", path), send: revalidate(path), want: either(is(400), is(200))})
	}
	pages := func(a *attack, clients, each int, target func(client, i int) string) {
		a.all(clients, func(n int) {
			c := a.dial()
			defer c.Close()
			for i := range each {
				fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: kit.test\r\n\r\n", target(n, i))
				if got := c.answer("GET"); got.status != 200 || !got.whole() {
					a.judge(&got, is(200))
					return
				}
			}
		})
	}
	return append(cases,
		hostileCase{why: "revalidating with a wrong secret", send: request{method: "POST", target: "/api/revalidate?secret=guess&path=/page/1"}, want: is(401)},
		hostileCase{why: "revalidating without a secret", send: request{method: "POST", target: "/api/revalidate?path=/page/1"}, want: is(401)},
		hostileCase{why: "revalidating with Next's header instead", send: get("/page/1", "X-Prerender-Revalidate: "+secret, "X-Prerender-Revalidate-If-Generated: 1"), want: is(200)},
		hostileCase{why: "revalidating with a host that is made up", run: func(a *attack) {
			target := fmt.Sprintf("/page/%d", nonces.Add(1))
			for _, step := range []struct {
				send request
				want verdict
			}{
				{get(target), is(200, "kit.test")},
				{revalidate(target, "Host: evil.test", "X-Forwarded-Host: evil.test"), is(200)},
				{get(target), also(is(200, "kit.test"), without("evil"))},
			} {
				got := a.exchange(step.send)
				a.judge(&got, step.want)
			}
		}},
		hostileCase{why: "revalidating one page, thirty-two times at once", send: revalidate("/page/1"), times: 32, want: is(200)},
		hostileCase{why: "a reload does not get past the cache", run: func(a *attack) {
			target := fmt.Sprintf("/page/%d", nonces.Add(1))
			first := a.exchange(get(target))
			a.judge(&first, is(200))
			second := a.exchange(get(target, "Cache-Control: no-cache", "Pragma: no-cache"))
			a.judge(&second, also(is(200), field("X-Nextjs-Cache", "HIT")))
		}},
		hostileCase{why: "a page for a body is made for that alone", send: request{method: "GET", target: "/page/1", fields: []string{typeText}, body: "x"}, want: either(is(200), is(405))},
		hostileCase{why: "four thousand queries, each a page of its own", run: func(a *attack) {
			pages(a, 8, 500, func(n, i int) string { return fmt.Sprintf("/page/1?n=%d&i=%d&x=%s", n, i, xs(500)) })
		}, limit: 4 * mb},
		hostileCase{why: "keys of half a megabyte", run: func(a *attack) {
			pages(a, 4, 10, func(n, i int) string { return fmt.Sprintf("/page/1?n=%d&i=%d&x=%s", n, i, xs(500_000)) })
		}, times: 4, limit: 4 * mb},
	)
}
