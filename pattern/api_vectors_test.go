package pattern_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern"
)

// TestRequestVectors sends requests recorded from a running Next.js server to a
// Handler inside a ServeMux, over a connection, so that no client cleans the
// path; and again to the Handler alone.
func TestRequestVectors(t *testing.T) {
	type request struct {
		Portability, RouteTable string
		Config                  struct{ TrailingSlash bool }
		Request                 struct{ Method, Path string }
		Expected                struct {
			Status   int
			Route    string
			Headers  map[string]string
			BodyJSON struct{ Query map[string]any }
		}
	}
	var file struct{ Tables map[string][]string }
	testkit.ReadJSON(t, "api-behaviour.json", &file)

	servers := map[string]string{}
	server := func(table string, slash pattern.TrailingSlash, mounted bool) string {
		key := fmt.Sprint(table, slash, mounted)
		if servers[key] == "" {
			servers[key] = serve(t, echo(t, file.Tables[table], slash, mounted))
		}
		return servers[key]
	}
	for _, v := range testkit.Vectors[request](t, "api-behaviour.json") {
		c := v.Case
		if c.Portability != "core" {
			v.Leave("not core")
			continue
		}
		if c.RouteTable == "" {
			c.RouteTable = "main"
		}
		policy := pattern.ServeBoth
		if c.Config.TrailingSlash {
			policy = pattern.RedirectToSlash
		}
		run := func(policy pattern.TrailingSlash, mounted bool) (answer, error) {
			a, err := send(server(c.RouteTable, policy, mounted), c.Request.Method, c.Request.Path)
			if err != nil {
				t.Fatal(err)
			}
			want := c.Expected
			switch {
			case a.status != want.Status && v.Excepts("status") == nil:
				return a, fmt.Errorf("status %d, want %d", a.status, want.Status)
			case a.route != want.Route:
				return a, fmt.Errorf("served by %q, want %q", a.route, want.Route)
			case want.Status == http.StatusPermanentRedirect && a.resolved != want.Headers["location"]:
				return a, fmt.Errorf("location %q resolves to %q, want %q", a.location, a.resolved, want.Headers["location"])
			case a.location != want.Headers["location"] && v.Excepts("headers.location") == nil && v.Excepts("") == nil:
				return a, fmt.Errorf("location %q, want %q", a.location, want.Headers["location"])
			case want.Status == http.StatusOK && !sameQuery(a.query, want.BodyJSON.Query):
				return a, fmt.Errorf("query %v, want %v", a.query, want.BodyJSON.Query)
			}
			return a, nil
		}
		if d := v.Excepts(""); d != nil {
			_, err := run(policy, true)
			v.Settle(err)
			// The expected result, according to the deviation.
			switch {
			case strings.Contains(d.Why, "both slash forms"):
				if a, _ := run(policy, true); a.status != http.StatusOK || a.route == "" {
					t.Errorf("%s: %d %s, want the slash form served", v.ID, a.status, a.route)
				}
				if _, err := run(pattern.RedirectToBare, true); err != nil {
					t.Errorf("%s with redirects: %v", v.ID, err)
				}
			case strings.Contains(d.Why, "segment"):
				if a, _ := run(policy, true); a.status != http.StatusTemporaryRedirect {
					t.Errorf("%s: %d, want ServeMux to clean the path", v.ID, a.status)
				}
				if a, _ := run(policy, false); a.status != http.StatusNotFound {
					t.Errorf("%s: %d, want 404 without a mux", v.ID, a.status)
				}
			}
			continue
		}
		_, mounted := run(policy, true)
		_, alone := run(policy, false)
		v.Settle(errors.Join(mounted, alone))
	}
}

// echo responds with the route and the query.
func echo(t *testing.T, patterns []string, slash pattern.TrailingSlash, mounted bool) http.Handler {
	routes := map[string]http.Handler{}
	for _, p := range patterns {
		routes[p] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Route", r.Pattern)
			_ = json.NewEncoder(w).Encode(pattern.Query(r))
		})
	}
	h, err := pattern.NewHandler(routes, pattern.HandlerConfig{TrailingSlash: slash})
	if err != nil {
		t.Fatal(err)
	}
	if !mounted {
		return h
	}
	mux := http.NewServeMux()
	h.Register(mux)
	return mux
}

func serve(t *testing.T, h http.Handler) (addr string) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

type answer struct {
	status             int
	route              string
	location, resolved string
	query              url.Values
}

// sendRaw writes a request line unchanged.
func sendRaw(addr, method, path string) (*http.Response, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n", method, path)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

func send(addr, method, path string) (a answer, err error) {
	resp, err := sendRaw(addr, method, path)
	if err != nil {
		return a, err
	}
	a.status, a.route, a.location = resp.StatusCode, resp.Header.Get("X-Route"), resp.Header.Get("Location")
	if a.location != "" {
		a.resolved, err = resolve(path, a.location)
	}
	if a.status == http.StatusOK {
		err = json.NewDecoder(resp.Body).Decode(&a.query)
	}
	return a, err
}

// resolve returns the path that a client requests after a redirect.
func resolve(path, location string) (string, error) {
	base, err := url.Parse("http://example.com" + path)
	if err != nil {
		return "", err
	}
	to, err := base.Parse(location)
	if err != nil {
		return "", err
	}
	if to.Host != "example.com" {
		return "", fmt.Errorf("%q leaves the site for %s", location, to)
	}
	return strings.TrimPrefix(to.String(), "http://example.com"), nil
}

// sameQuery compares with a query of Next.js, in which a single value is a
// string.
func sameQuery(got url.Values, want map[string]any) bool {
	values := url.Values{}
	for name := range want {
		values[name] = params(want).list(name)
	}
	return maps.EqualFunc(got, values, slices.Equal)
}
