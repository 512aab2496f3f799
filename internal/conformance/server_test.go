package conformance_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

// A fixture is the service that a case is sent to.
type fixture struct {
	variant
	c       *behavior
	handler http.Handler
	cache   *cache.Cache
	draft   *cookies.Draft

	route   string  // that responded
	unknown unknown // unknown operation of the handler
	log     testkit.Log
}

// A variant is another service that must respond the same.
type variant struct {
	panics bool // what the handler throws is a panic rather than an error
	alone  bool // the handler has no middleware around it
}

// variants returns those that apply to the case.
func (b *behavior) variants() []variant {
	all := []variant{{}}
	if b.has("throw", "asyncThrow") {
		all = append(all, variant{panics: true})
	}
	_, body := b.Request.body()
	parses := body || b.has("bodyLength", "readRaw") || slices.ContainsFunc(b.Handler, func(o op) bool {
		return slices.Contains(arg[[]string](o, "pick"), "bodyType")
	})
	limited := b.has("writeRepeat") // over the default limit
	// Methods responds with 405 in the form of the middleware around it.
	chooses := b.Config.RouteHandlerExports != nil
	if b.Mode == "production" && b.Config.API == nil && !parses && !limited && !chooses {
		all = append(all, variant{alone: true})
	}
	return all
}

// newFixture builds the service on a ServeMux: the recorded handler, inside the
// middleware of the config.
func newFixture(c *behavior, tables map[string][]string, which variant) (*fixture, error) {
	mux := http.NewServeMux()
	f := &fixture{c: c, variant: which, handler: mux}
	f.cache = cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Origin: mux, Logger: f.log.Logger()})
	draft := cookies.DraftConfig{Keys: [][]byte{bytes.Repeat([]byte("k"), 32)}}
	for _, o := range c.Handler {
		options, err := o.draftOptions()
		if err != nil {
			return nil, err
		}
		draft.Path += options.Path
	}
	f.draft = cookies.NewDraft(draft)

	chain, err := f.middleware()
	switch {
	case err != nil:
		return nil, err
	case c.Config.Returns != "" && c.Config.Returns != "undefined":
		return nil, fmt.Errorf("unknown return value %q", c.Config.Returns)
	case c.Config.RouteHandlerExports != nil:
		mux.Handle(c.Request.Path, chain(f.exports(c.Config.RouteHandlerExports)))
	default:
		table, ok := tables[cmp.Or(c.RouteTable, "main")]
		if !ok {
			return nil, fmt.Errorf("unknown table %q", c.RouteTable)
		}
		err = f.mount(mux, table, chain(reply.Handler(f.serve, reply.PlainError)))
	}
	if c.outside != nil {
		f.handler = c.outside(mux)
	}
	return f, err
}

// mount puts the handler at every pattern of a table.
func (f *fixture) mount(mux *http.ServeMux, table []string, h http.Handler) error {
	routes := map[string]http.Handler{}
	for _, p := range table {
		routes[p] = h
	}
	cfg := pattern.HandlerConfig{OnError: reply.PlainError}
	if f.c.Config.TrailingSlash {
		cfg.TrailingSlash = pattern.RedirectToSlash
	}
	handler, err := pattern.NewHandler(routes, cfg)
	if err != nil {
		return err
	}
	handler.Register(mux)
	if f.c.has("revalidate", "revalidateTry") {
		// The pages to revalidate. Of the routes, only one that revalidates itself is
		// inside the cache.
		mux.Handle("/isr/{id}", f.cache.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "page ", r.PathValue("id"))
		})))
		if slices.ContainsFunc(f.c.Handler, func(o op) bool { return o.is("arg", f.c.Request.Path) }) {
			mux.Handle(f.c.Request.Path, f.cache.Middleware(h))
		}
	}
	return nil
}

// middleware returns the layers of the handler's config. Its names are those of
// Next.js, and so are the defaults, except for the warning about handlers that do not
// respond: Next.js enables it in development.
func (f *fixture) middleware() (func(http.Handler) http.Handler, error) {
	if f.alone {
		return func(h http.Handler) http.Handler { return h }, nil
	}
	cfg := middleware.Config{OnError: reply.PlainError, Logger: f.log.Logger()}
	switch f.c.Mode {
	case "development":
		cfg.WarnUnresolved = true
	case "production":
	default:
		return nil, fmt.Errorf("unknown mode %q", f.c.Mode)
	}
	cfg.BodyParser.Raw = f.c.Config.RouteHandlerExports != nil // they read it themselves
	if f.c.Config.API != nil {
		if err := json.Unmarshal(f.c.Config.API, &cfg); err != nil {
			return nil, err
		}
	}
	return middleware.New(cfg), nil
}

func (f *fixture) serve(w http.ResponseWriter, r *http.Request) error {
	f.route = r.Pattern
	return (&run{fixture: f, w: w, r: r}).serve()
}

// exports are the functions of a route handler, by method. Each names itself in a
// header and in the body, whose type is that of a Response of a string.
func (f *fixture) exports(names []string) middleware.Methods {
	methods := middleware.Methods{}
	for _, name := range names {
		methods[name] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if f.c.Config.Returns == "undefined" {
				return
			}
			w.Header().Set("X-H", name)
			body := name
			switch name {
			case http.MethodHead:
				return // new Response(null)
			case http.MethodOptions:
				body = "opt"
			}
			w.Header().Set("Content-Type", "text/plain;charset=UTF-8")
			io.WriteString(w, body)
		})
	}
	return methods
}

// A site is one server for all cases. It serves one fixture at a time.
type site struct {
	serving sync.RWMutex
	handler http.Handler
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serving.RLock()
	defer s.serving.RUnlock()
	s.handler.ServeHTTP(w, r)
}

func (s *site) put(h http.Handler) {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.handler = h
}

// wait returns when no handler is running: clients may have a response before the
// handler has written its log.
func (s *site) wait() {
	s.serving.Lock()
	defer s.serving.Unlock()
}

// A way is a way to send a case to a site.
type way struct {
	name string
	site *site
	// send sends the request of the case with these header fields. It reports
	// whether this way can carry it.
	send func(*behavior, [][2]string) (*answer, bool, error)
}

// ways returns them: first the exact bytes over a connection, then clients, for
// requests that the client of net/http does not normalize.
func ways(t *testing.T) []way {
	serve := func(tr testkit.Transport) (*site, *http.Client, string) {
		s := &site{handler: http.NotFoundHandler()}
		client, url := tr.Serve(t, s)
		return s, client, url
	}
	s, _, url := serve(testkit.HTTP1)
	all := []way{{"http1", s, func(c *behavior, header [][2]string) (*answer, bool, error) {
		a, err := c.Request.raw(strings.TrimPrefix(url, "http://"), header)
		return a, true, err
	}}}
	for _, tr := range []testkit.Transport{testkit.HTTP2, testkit.Recorder} {
		s, client, url := serve(tr)
		all = append(all, way{tr.Name, s, func(c *behavior, header [][2]string) (*answer, bool, error) {
			a, carried, err := c.Request.through(client, url, header)
			if a != nil && tr.Name == testkit.Recorder.Name {
				a.asServed(c.Request)
			}
			return a, carried, err
		}})
	}
	return all
}

// play sends the case in one way. It reports whether that way can carry it.
func (f *fixture) play(w way) (got *answer, carried bool, err error) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(f.log.Logger())
	header := f.c.Request.header(f.draftCookie())
	w.site.put(f.handler)
	if err := f.ownTag(w, header); err != nil {
		return nil, false, err
	}
	w.site.wait()
	before := len(f.log.Records())
	f.route = ""
	got, carried, err = w.send(f.c, header)
	w.site.wait()
	if f.unknown != "" {
		err = fmt.Errorf("unknown %s", f.unknown)
	}
	if err != nil || !carried {
		return nil, carried, err
	}
	got.route, got.records = f.route, f.log.Records()[before:]
	return got, true, nil
}

// draftCookie returns a value of the first draft cookie.
func (f *fixture) draftCookie() string {
	rec := httptest.NewRecorder()
	if err := f.draft.Enable(rec, httptest.NewRequest("GET", "/", nil), 0); err != nil {
		panic(err)
	}
	return rec.Result().Cookies()[0].Value
}

// ownTag replaces the recorded ETag of the body in a request with ours.
func (f *fixture) ownTag(w way, header [][2]string) error {
	recorded := f.c.recordedTag()
	for i, field := range header {
		if field[0] != "If-None-Match" || recorded == "" || !strings.Contains(field[1], recorded) {
			continue
		}
		got, _, err := w.send(f.c, nil)
		if err != nil {
			return err
		}
		header[i][1] = strings.ReplaceAll(field[1], recorded, got.header.Get("ETag"))
	}
	return nil
}
