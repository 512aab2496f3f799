package upstream

import (
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

// Config says which parts of an upstream are served.
type Config struct {
	// Base is the URL of the upstream: scheme, host, and the common prefix of its paths, if any.
	Base string

	// Routes maps patterns of this service to patterns of the upstream. Other paths
	// get 404. The mux or middleware.Methods limits the methods; TRACE is never
	// allowed.
	Routes map[string]string

	// Header is sent with every request, such as the API key, which no client sees.
	// Nil sends nothing.
	Header http.Header

	// Transport sends the requests. Nil is a clone of http.DefaultTransport that
	// waits ten seconds for a response.
	Transport http.RoundTripper

	// OnError responds to errors of the upstream or the client. Nil sends problem
	// details (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)
}

// New returns the handler of the routes.
func New(cfg Config) (http.Handler, error) {
	base, err := url.Parse(cfg.Base)
	if err == nil && (base.Scheme != "http" && base.Scheme != "https" || base.Host == "") {
		err = fmt.Errorf("upstream: %q is no base URL", cfg.Base)
	}
	errs := []error{err}
	there, here := map[string]pattern.Pattern{}, map[string]pattern.Pattern{}
	for from, to := range cfg.Routes {
		p, err := pattern.Parse(from)
		q, err2 := pattern.Parse(to)
		errs = append(errs, err, err2)
		there[from], here[to] = q, p
	}
	u := &upstream{Config: cfg, base: base}
	u.there, err = table(there)
	errs = append(errs, err)
	u.here, err = table(here)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if base.Path == "" {
		base.Path = "/" // JoinPath would make a relative path of it
	}
	if u.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = 10 * time.Second
		t.DisableCompression = true // Accept-Encoding of the client is passed on
		u.Transport = t
	}
	return reply.Handler(u.serve, cfg.OnError), nil
}

// table creates the table of one direction, and translates a path for each route, to
// detect a parameter that only one side has.
func table(routes map[string]pattern.Pattern) (*pattern.Table[pattern.Pattern], error) {
	t, err := pattern.NewTable(routes)
	if err != nil {
		return nil, err
	}
	for p, to := range t.All() {
		path, _ := p.Overlap(p)
		if _, err := translate(t, path); err != nil {
			return nil, fmt.Errorf("upstream: %s and %s differ in their parameters", p, to)
		}
	}
	return t, nil
}

type upstream struct {
	Config
	base  *url.URL
	there *pattern.Table[pattern.Pattern] // our patterns to those of the upstream
	here  *pattern.Table[pattern.Pattern] // and back
}

// serve creates a proxy for each request: a few words of memory, with access to the
// path and the error.
func (u *upstream) serve(w http.ResponseWriter, r *http.Request) (err error) {
	if r.Method == http.MethodTrace {
		// The response to TRACE is the request as it arrived, including the key.
		return reply.NewError(http.StatusMethodNotAllowed, "").
			WithHeader("Allow", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
	}
	path, err := translate(u.there, r.URL.EscapedPath())
	if err != nil {
		return err
	}
	proxy := httputil.ReverseProxy{
		Rewrite:   func(pr *httputil.ProxyRequest) { u.rewrite(pr.Out, path) },
		Transport: masked{u},
		ModifyResponse: func(resp *http.Response) error {
			// A stream may take any time, so lift the deadlines of a Timeout and of the server.
			if t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); t == "text/event-stream" {
				_ = middleware.Extend(r, -1) // an error means that there is no Timeout
				_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
			}
			return nil
		},
		// This hook gets the request to the upstream, which an OnError must not see.
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, failed error) { err = failed },
		ErrorLog:     slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	proxy.ServeHTTP(w, r)
	return err
}

// translate maps a path from one side to the other, built from its parameter values.
// It returns 404 for a value that a server with double decoding could split into
// several segments.
func translate(table *pattern.Table[pattern.Pattern], escapedPath string) (string, error) {
	m, err := table.Match(escapedPath)
	if err != nil {
		return "", err
	}
	params := map[string][]string{}
	for name, values := range m.Params.All() {
		if slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, `/\%`) }) {
			return "", pattern.ErrNoMatch
		}
		params[name] = values
	}
	path, err := m.Value.Build(params) // rejects "." and ".."
	if err != nil {
		return "", pattern.ErrNoMatch
	}
	return path, nil
}

// rewrite turns out into the request to the upstream.
func (u *upstream) rewrite(out *http.Request, path string) {
	query := out.URL.RawQuery
	out.URL = u.base.JoinPath(path)
	out.URL.RawQuery = query
	out.Host = "" // that of the URL
	out.Header = pick(out.Header, "Accept", "Accept-Encoding", "Accept-Language", "Content-Encoding",
		"Content-Type", "If-Modified-Since", "If-None-Match", "If-Range", "Last-Event-Id", "Range")
	out.Trailer = nil
	for name, values := range u.Header {
		out.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
}

func pick(h http.Header, names ...string) http.Header {
	picked := http.Header{}
	for _, name := range names {
		if values, ok := h[name]; ok {
			picked[name] = values
		}
	}
	return picked
}
