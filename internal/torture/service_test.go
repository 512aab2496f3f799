package torture_test

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// The settings of the service that are not the defaults. The times are short, to keep
// the tests short.
const (
	smallLimit  = 4 << 10 // of a body, on the routes that use it
	answerLimit = 64 << 10
	maxDuration = 150 * time.Millisecond // on the routes that use it
	readTimeout = 200 * time.Millisecond // likewise
	streamStart = time.Second            // until a stream must have begun
	fileLimit   = 5 << 20

	maxSubscribers = 128

	headerTimeout = 5 * time.Second // of the server

	servedFile = "served" // in the directory for temporary files
	secret     = "a secret of the webhook"
)

type order struct {
	Name  string `json:"name" validate:"required,max=100"`
	Count int64  `json:"count"`
	Items []struct {
		SKU string `json:"sku" validate:"required"`
	} `json:"items" validate:"max=100,dive"`
	Tags  []string       `json:"tags"`
	Extra map[string]any `json:"extra" schema:"-"`
	Admin bool           `json:"-" schema:"-"`
}

// services are the services that a child can run.
var services = map[string]func(*slog.Logger, *counters) built{
	"naive": newNaiveService,
	"kit": func(log *slog.Logger, count *counters) built {
		return newKitService(log, count, time.Second)
	},
	// If all the clients, the service and the attackers share two processors, even an
	// honest stream may not be scheduled within that time.
	"busy kit": func(log *slog.Logger, count *counters) built {
		return newKitService(log, count, 5*time.Second)
	},
}

// newKitService is the service under attack: every part of this module, combined as
// users do. Clients that do not read are dropped after the writeTimeout.
func newKitService(log *slog.Logger, count *counters, writeTimeout time.Duration) built {
	ending, end := context.WithCancel(context.Background())
	s := &kitService{log: log, streams: stream.Config{WriteTimeout: writeTimeout, Until: ending, Logger: log}, hub: hub.New(hub.Config{
		MaxSubscribers: maxSubscribers,
		MaxHistory:     64,
		WriteTimeout:   writeTimeout,
		Logger:         log,
	})}
	mux := http.NewServeMux()
	s.pages = cache.New(cache.Config{
		Lifetime:     cache.Lifetime{TTL: time.Hour},
		Origin:       mux,
		Store:        cache.NewStore(4 * bytesize.MB),
		StatusHeader: "X-Nextjs-Cache",
		Logger:       log,
	})

	routes, err := pattern.NewHandler(s.routes(count), pattern.HandlerConfig{})
	if err != nil {
		panic(err)
	}
	docs, err := pattern.NewHandler(map[string]http.Handler{
		"/[id]":        reply.HandlerFunc(showPath),
		"/docs/[slug]": reply.HandlerFunc(showPath),
	}, pattern.HandlerConfig{TrailingSlash: pattern.RedirectToBare})
	if err != nil {
		panic(err)
	}
	routes.Register(mux)
	mux.Handle("GET /page/{id}", s.pages.Middleware(reply.HandlerFunc(showPage)))
	mux.Handle("/docs/", docs)
	mux.Handle("/bare/", http.StripPrefix("/bare", docs))
	return built{
		Handler: middleware.Recover(log)(mux),
		shutdown: func() {
			end()
			go s.hub.Shutdown(context.Background())
		},
		close: s.pages.Shutdown,
	}
}

type kitService struct {
	log     *slog.Logger
	streams stream.Config
	hub     *hub.Hub
	pages   *cache.Cache
}

// parsed adds the whole config of a route to a handler.
func (s *kitService) parsed(cfg bodyparser.Config, h reply.HandlerFunc) http.Handler {
	return middleware.New(middleware.Config{BodyParser: cfg, MaxDuration: time.Minute, Logger: s.log})(h)
}

// timed adds the short deadline, and leaves the body to the handler.
func (s *kitService) timed(h http.HandlerFunc) http.Handler {
	return middleware.New(middleware.Config{BodyParser: bodyparser.Config{Raw: true}, MaxDuration: maxDuration, Logger: s.log})(h)
}

func (s *kitService) routes(count *counters) map[string]http.Handler {
	raw := bodyparser.Config{Raw: true}
	guarded := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: answerLimit, Action: middleware.LimitAbort, Logger: s.log})
	routes := map[string]http.Handler{
		"/api/honest/[nonce]": s.parsed(bodyparser.Config{}, func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, 200, r.PathValue("nonce"))
		}),
		"/api/smuggled": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { count.smuggled.Add(1) }),

		// Bodies, in every way that this module reads them.
		"/api/echo":    s.parsed(bodyparser.Config{}, echo),
		"/api/small":   s.parsed(bodyparser.Config{Limit: smallLimit}, echo),
		"/api/slow":    s.parsed(bodyparser.Config{ReadTimeout: readTimeout}, echo),
		"/api/unique":  s.parsed(bodyparser.Config{UniqueKeys: true}, echo),
		"/api/shallow": s.parsed(bodyparser.Config{MaxDepth: 8}, echo),
		"/api/inflate": s.parsed(bodyparser.Config{Inflate: true}, echo),
		"/api/signed":  s.parsed(bodyparser.Config{Verify: bodyparser.VerifyHMAC("X-Signature", "sha256=", []byte(secret))}, echo),
		"/api/raw":     s.parsed(bodyparser.Config{Raw: true, Limit: smallLimit}, readRaw),
		"/api/within": s.parsed(raw, func(w http.ResponseWriter, r *http.Request) error {
			if _, err := bodyparser.Parse(w, r, bodyparser.Config{Limit: smallLimit}); err != nil {
				return err
			}
			return echo(w, r)
		}),
		"/api/ignored": s.parsed(raw, func(w http.ResponseWriter, r *http.Request) error {
			return reply.NewError(http.StatusUnauthorized, "Who are you?")
		}),
		"/api/alone":       http.HandlerFunc(readAlone),
		"/api/order":       s.parsed(bodyparser.Config{}, bindOrder),
		"/api/typed":       bind.HandlerWith(bind.Config{Parser: bodyparser.Config{Limit: smallLimit}, Logger: s.log}, answerOrder),
		"/api/strict":      bind.HandlerWith(bind.Config{Strict: true, Logger: s.log}, answerOrder),
		"/api/find":        s.parsed(raw, findOrder),
		"/api/form":        s.parsed(bodyparser.Config{}, showForm),
		"/api/upload":      s.parsed(raw, s.upload(upload.Config{FileLimit: fileLimit})),
		"/api/slow-upload": s.parsed(raw, s.upload(upload.Config{FileLimit: fileLimit, ReadTimeout: readTimeout})),
		"/api/uploads":     s.parsed(raw, s.upload(upload.Config{})),
		"/api/parts":       s.parsed(raw, countParts),
		"/api/standard": s.parsed(raw, func(w http.ResponseWriter, r *http.Request) error {
			standardForm(w, r)
			return nil
		}),
		"/api/standard-late": s.timed(standardForm),

		// Responses, and their failures.
		"/api/cookies":    s.parsed(bodyparser.Config{}, showCookies),
		"/api/set-cookie": s.parsed(bodyparser.Config{}, setCookie),
		"/api/go":         s.parsed(bodyparser.Config{}, func(w http.ResponseWriter, r *http.Request) error { return redirect.To(w, r, r.URL.Query().Get("to")) }),
		"/api/login": s.parsed(bodyparser.Config{}, func(w http.ResponseWriter, r *http.Request) error {
			return redirect.Local(w, r, r.URL.Query().Get("next"), "/home")
		}),
		"/api/away": s.parsed(bodyparser.Config{}, func(w http.ResponseWriter, r *http.Request) error {
			return redirect.NewAllowList("https://partner.test").To(w, r, r.URL.Query().Get("to"))
		}),
		"/api/encode/[how]":   s.parsed(bodyparser.Config{}, failToEncode),
		"/api/refuse":         s.parsed(bodyparser.Config{}, refuse),
		"/api/plain":          reply.Handler(refuse, reply.PlainError),
		"/api/big/[how]":      middleware.Recover(s.log)(guarded(http.HandlerFunc(answerTooMuch))),
		"/api/late/[how]":     middleware.Recover(s.log)(s.timed(answerLate)),
		"/api/panic/[how]":    middleware.Recover(s.log)(http.HandlerFunc(panicSomehow)),
		"/api/methods":        middleware.Methods{"GET": s.parsed(bodyparser.Config{}, showPath), "POST": s.parsed(bodyparser.Config{}, showPath)},
		"/api/who":            s.parsed(bodyparser.Config{}, showRequest),
		"/api/revalidate":     s.parsed(bodyparser.Config{}, s.revalidate),
		"/api/query/[id]":     s.parsed(bodyparser.Config{}, func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, pattern.Query(r)) }),
		"/api/maybe/[[...x]]": s.parsed(bodyparser.Config{}, func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, pattern.Query(r)) }),

		// Streams.
		"/api/event": middleware.Timeout(streamStart)(stream.Handler(s.streams, sendEvent)),
		"/api/flood": middleware.Timeout(streamStart)(stream.Handler(s.streams, func(s *stream.Stream) error {
			for event := (stream.Event{Data: strings.Repeat("x", 32<<10)}); ; {
				if err := s.Send(event); err != nil {
					return err
				}
			}
		})),
		"/api/lines": middleware.Timeout(streamStart)(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			lines, err := stream.NDJSON(w, r, s.streams)
			if err != nil {
				return err
			}
			return lines.Send(r.URL.Query().Get("data"))
		})),
		"/api/topic": middleware.Timeout(streamStart)(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return s.hub.Serve(w, r, hub.Subscription{Topics: []string{"news"}})
		})),
		"/api/publish": s.parsed(bodyparser.Config{}, func(w http.ResponseWriter, r *http.Request) error {
			id, err := s.hub.Publish(r.Context(), "news", stream.Event{Name: "news", Data: r.URL.Query().Get("data")})
			if err != nil {
				return err
			}
			return reply.JSON(w, r, 200, id)
		}),

		// Routes that are hard to match.
		"/api/post/create":                 s.parsed(bodyparser.Config{}, showPath),
		"/api/post/[pid]":                  s.parsed(bodyparser.Config{}, showPath),
		"/api/post/[...slug]":              s.parsed(bodyparser.Config{}, showPath),
		"/api/many" + manyParams():         s.parsed(bodyparser.Config{}, showPath),
		"/api/hard/[a]/x/[b]/x/[c]/x/[d]":  s.parsed(bodyparser.Config{}, showPath),
		"/api/hard/x/[b]/x/[c]/x/[d]/end":  s.parsed(bodyparser.Config{}, showPath),
		"/api/hard/[a]/x/[b]/y/[...c]":     s.parsed(bodyparser.Config{}, showPath),
		"/api/hard/x/x/x/x/[...rest]":      s.parsed(bodyparser.Config{}, showPath),
		"/api/ends-here/[...rest]":         s.parsed(bodyparser.Config{}, showPath),
		"/api/ends-here/x/y/[...rest]":     s.parsed(bodyparser.Config{}, showPath),
		"/api/ends-here/x/y/z/[one]/[two]": s.parsed(bodyparser.Config{}, showPath),
	}
	return routes
}

// manyParams is a pattern of 40 parameters.
func manyParams() string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "/[p%d]", i)
	}
	return b.String()
}

func echo(w http.ResponseWriter, r *http.Request) error {
	b, ok := bodyparser.From(r)
	if !ok {
		return reply.NewError(500, "no parser")
	}
	v, err := b.Value()
	if err != nil {
		return err
	}
	if len(b.Bytes()) > 2000 {
		v = "much"
	}
	return reply.JSON(w, r, 200, map[string]any{"type": b.MediaType(), "bytes": len(b.Bytes()), "value": v})
}

func readRaw(w http.ResponseWriter, r *http.Request) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		time.Sleep(time.Millisecond) // it records that
		return err
	}
	return reply.JSON(w, r, 200, map[string]any{"bytes": len(b)})
}

// readAlone uses the parser as a function, without any layer.
func readAlone(w http.ResponseWriter, r *http.Request) {
	if _, err := bodyparser.Parse(w, r, bodyparser.Config{Limit: smallLimit}); err != nil {
		reply.Problem(w, r, err)
		return
	}
	if err := echo(w, r); err != nil {
		reply.Problem(w, r, err)
	}
}

func bindOrder(w http.ResponseWriter, r *http.Request) error {
	o, err := bind.Body[order](r)
	if err != nil {
		return err
	}
	return answerOrder(w, r, o)
}

func findOrder(w http.ResponseWriter, r *http.Request) error {
	o, err := bind.Query[order](r)
	if err != nil {
		return err
	}
	return answerOrder(w, r, o)
}

func answerOrder(w http.ResponseWriter, r *http.Request, o order) error {
	return reply.JSON(w, r, 200, map[string]any{"name": o.Name, "count": o.Count, "items": len(o.Items), "tags": len(o.Tags), "extra": o.Extra, "admin": o.Admin})
}

func showForm(w http.ResponseWriter, r *http.Request) error {
	b, _ := bodyparser.From(r)
	form, err := b.Form()
	if err != nil {
		return err
	}
	return reply.JSON(w, r, 200, form)
}

// upload saves the files of a form, reports what they were, and removes them.
func (s *kitService) upload(cfg upload.Config) reply.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		dir, err := os.MkdirTemp("", "upload")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		var names []string
		var size int64
		fields, err := upload.Form(w, r, cfg, func(p *upload.Part) error {
			name := p.FileName()
			if name == "" {
				name = "unnamed"
			}
			n, err := p.SaveAs(filepath.Join(dir, name))
			names = append(names, name)
			size += n
			return err
		})
		if err != nil {
			return err
		}
		return reply.JSON(w, r, 200, map[string]any{"fields": len(fields), "names": names, "size": size})
	}
}

func countParts(w http.ResponseWriter, r *http.Request) error {
	n := 0
	for _, err := range upload.Parts(w, r, upload.Config{}) {
		if err != nil {
			return err
		}
		n++
	}
	return reply.JSON(w, r, 200, map[string]int{"parts": n})
}

// standardForm is a handler that does not use this module, and relies on net/http to
// remove its files.
func standardForm(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1); err != nil {
		http.Error(w, "no form", http.StatusBadRequest)
		return
	}
	switch r.URL.Query().Get("then") {
	case "panic":
		panic("with a file on the disk")
	case "late":
		<-r.Context().Done()
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Fprint(w, len(r.MultipartForm.File), " files")
}

func showCookies(w http.ResponseWriter, r *http.Request) error {
	if err := cookies.Check(r); err != nil {
		return err
	}
	signed, _ := cookies.NewSigner([]byte(strings.Repeat("k", 32))).Lookup(r, "signed")
	sealed, _ := cookies.NewSealer([]byte(strings.Repeat("k", 32))).Lookup(r, "sealed")
	draft := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{[]byte(strings.Repeat("k", 32))}}).Enabled(r)
	value, ok := cookies.Lookup(r, "a")
	return reply.JSON(w, r, 200, map[string]any{
		"count": len(cookies.All(r)), "a": value, "has": ok, "signed": signed, "sealed": sealed, "draft": draft,
	})
}

func setCookie(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	err := cookies.Set(w, &http.Cookie{Name: q.Get("name"), Value: q.Get("value"), Path: q.Get("path"), Domain: q.Get("domain")})
	if err != nil {
		return reply.NewError(400, "No such cookie").WithCause(err)
	}
	return reply.Send(w, r, 200, "set")
}

// refuse responds with the client's own text.
func refuse(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return reply.NewError(400, q.Get("message")).WithHeader("X-Reason", q.Get("reason"))
}

func showPath(w http.ResponseWriter, r *http.Request) error {
	text := r.Pattern
	for name, values := range pattern.Query(r) {
		text += fmt.Sprintf(" %.50q=%.50q", name, values[:min(3, len(values))])
	}
	return reply.Send(w, r, 200, text)
}

func showRequest(w http.ResponseWriter, r *http.Request) error {
	return reply.JSON(w, r, 200, map[string]string{
		"method": r.Method, "host": r.Host, "pattern": r.Pattern, "query": pattern.Query(r).Encode(), "remote": r.RemoteAddr,
	})
}

// showPage trusts a header that it should not, as applications do.
func showPage(w http.ResponseWriter, r *http.Request) error {
	return reply.Send(w, r, 200, fmt.Sprintf("page %s of %s%s for %q", r.PathValue("id"), r.Header.Get("X-Forwarded-Host"), r.Host, r.Header.Get("Cookie")))
}

func (s *kitService) revalidate(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("secret")), []byte(secret)) != 1 {
		return reply.NewError(http.StatusUnauthorized, "Invalid secret")
	}
	if err := s.pages.Revalidate(r.Context(), q.Get("path")); err != nil {
		return reply.NewError(400, "The old page stays").WithCause(err)
	}
	return reply.JSON(w, r, 200, "revalidated")
}

func sendEvent(s *stream.Stream) error {
	q := s.Request().URL.Query()
	err := s.Send(stream.Event{ID: q.Get("id"), Name: q.Get("name"), Data: q.Get("data"), Comment: q.Get("comment")})
	if err != nil {
		return reply.NewError(400, "No such event").WithCause(err)
	}
	return nil
}
