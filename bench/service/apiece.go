package service

import (
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/bytedance/sonic"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// apieceServer is the whole chain of the kit around routes of the kit: Recover,
// ResponseLimit, Timeout, the body parser, and a pattern.Handler. How errors are
// answered and where they are logged is said once, by the chain.
func apieceServer(k kept) server {
	return server{
		name:   "apiece" + k.without,
		module: "github.com/apiece/apiece",
		weaker: k.weaker,
		listen: func(timeout time.Duration) func(net.Listener) error {
			quiet := slog.New(slog.DiscardHandler)
			cfg := middleware.Config{
				BodyParser:    bodyparser.Config{Limit: bodyLimit},
				ResponseLimit: replyLimit,
				MaxDuration:   timeout,
				OnError:       refuse,
				Logger:        quiet,
			}
			if k.noTimeout {
				cfg.MaxDuration = 0
			}
			if k.noReplyLimit {
				cfg.ResponseLimit = bytesize.Unlimited
			}
			if k.noBodyLimit {
				cfg.BodyParser.Limit = bytesize.Unlimited
			}
			param := (*http.Request).PathValue
			if k.noValues {
				param = func(r *http.Request, name string) string { return pattern.Values(r, name)[0] }
			}
			chain := middleware.Chain(cfg)
			if k.sonic {
				cfg.BodyParser.Unmarshal = sonic.Unmarshal
				chain = middleware.Chain(cfg).Append(reply.Marshal(sonic.Marshal))
			}
			routes, err := pattern.NewHandler(map[string]http.Handler{
				"/api/posts": middleware.Methods{
					"POST": bind.Handler(func(w http.ResponseWriter, r *http.Request, p newPost) error {
						return reply.JSON(w, r, http.StatusCreated, accept(p))
					}),
				},
				"/api/posts/[id]": middleware.Methods{
					"GET": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
						p, err := find(param(r, "id"))
						if err != nil {
							return err
						}
						return reply.JSON(w, r, http.StatusOK, p)
					}),
				},
				"/page": middleware.Methods{
					"GET": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
						return reply.Send(w, r, http.StatusOK, reply.Typed{Type: "text/html; charset=utf-8", Text: page})
					}),
				},
				"/api/events/[n]": middleware.Methods{
					"GET": stream.Handler(stream.Config{}, func(s *stream.Stream) error {
						return sendEvents(s, param(s.Request(), "n"))
					}),
				},
				"/api/slow":  slow(timeout),
				"/api/panic": http.HandlerFunc(panics),
			}, pattern.HandlerConfig{NoPathValues: k.noValues})
			if err != nil {
				panic(err)
			}
			return overHTTP(k.off(chain.Then(routes)))
		},
	}
}

// kept says which of its promises the kit is to keep.
type kept struct {
	without string // behind its name
	weaker  []string

	noTag, noSniff, noTimeout, noReplyLimit, noBodyLimit, noValues bool
	sonic                                                          bool // no promise: another decoder and encoder
}

var (
	everything = kept{}
	equal      = kept{
		noTag: true, noSniff: true, noTimeout: true, noReplyLimit: true,
		weaker: []string{"no bound on the time of a handler", "no limit on responses, no ETag, no nosniff"},
	}
)

// apieceWithout is the kit without one promise at a time.
func apieceWithout() (servers []server) {
	for _, k := range []kept{
		{without: " without ETag", noTag: true},
		{without: " without nosniff", noSniff: true},
		{without: " without Timeout", noTimeout: true},
		{without: " without a limit on responses", noReplyLimit: true},
		{without: " without a limit on bodies", noBodyLimit: true},
		{without: " without path values", noValues: true},
		{without: " without all of these", noTag: true, noSniff: true, noTimeout: true, noReplyLimit: true, noBodyLimit: true, noValues: true},
		{without: " with sonic for JSON", sonic: true},
	} {
		servers = append(servers, apieceServer(k))
	}
	return servers
}

// off switches header fields off, as net/http has it for Date.
func (k kept) off(next http.Handler) http.Handler {
	if !k.noTag && !k.noSniff {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k.noTag {
			w.Header()["Etag"] = nil
		}
		if k.noSniff {
			w.Header()["X-Content-Type-Options"] = nil
		}
		next.ServeHTTP(w, r)
	})
}

// refuse sends the error bodies that all services have, instead of the problem details of the kit.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := failureOf(err)
	reply.JSON(w, r, int(f), f.body())
}

func sendEvents(s *stream.Stream, n string) error {
	count, err := strconv.Atoi(n)
	if err != nil {
		return failure(http.StatusBadRequest)
	}
	for range max(count, 1) {
		if err := s.Send(stream.Event{Name: "post", Data: event}); err != nil {
			return err
		}
	}
	openOrFails(s.Context(), count)
	return nil
}
