package middleware_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/reply"
)

// slowly stands for a hook that queries a database that hangs.
func slowly() { time.Sleep(3 * time.Second) }

// A slowRaise is the store of a cache that hangs.
type slowRaise struct{ cache.Generations }

func (s slowRaise) Raise(ctx context.Context, n uint64, tags ...string) error {
	slowly()
	return s.Generations.Raise(ctx, n, tags...)
}

// Noted reports every path as stored.
func (slowRaise) Noted(context.Context, string) (bool, error) { return true, nil }

// A hookLogger does something for every record.
type hookLogger struct {
	slog.Handler
	do func()
}

func (hookLogger) Enabled(context.Context, slog.Level) bool { return true }

func (l hookLogger) Handle(ctx context.Context, rec slog.Record) error {
	l.do()
	return l.Handler.Handle(ctx, rec)
}

// hooks are handlers, and layers around them inside the Timeout, in which foreign code
// runs at the deadline.
var hooks = []struct {
	name string
	run  func(hook func(*http.Request)) http.Handler
}{
	{"before the commit", func(hook func(*http.Request)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rw, _ := response.Of(w)
			rw.BeforeCommit(func(int) { hook(r) })
			io.WriteString(w, "late")
		})
	}},
	{"OnError of a ResponseLimit", func(hook func(*http.Request)) http.Handler {
		return middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
			Limit: 10, Action: middleware.LimitAbort, Logger: slog.New(slog.DiscardHandler),
			OnError: func(w http.ResponseWriter, r *http.Request, _ error) {
				hook(r)
				http.Error(w, "too large", http.StatusInternalServerError)
			},
		})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 100)) }))
	}},
	{"OnError of a ResponseLimit, of a declared length", func(hook func(*http.Request)) http.Handler {
		return middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
			Limit: 10, Action: middleware.LimitAbort, Logger: slog.New(slog.DiscardHandler),
			OnError: func(w http.ResponseWriter, r *http.Request, _ error) { hook(r) },
		})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusOK)
		}))
	}},
	{"OnError of a reply.Handler", func(hook func(*http.Request)) http.Handler {
		return middleware.New(middleware.Config{Logger: slog.New(slog.DiscardHandler)})(
			reply.Handler(func(http.ResponseWriter, *http.Request) error { return errors.New("broken") },
				func(w http.ResponseWriter, r *http.Request, _ error) { hook(r) }))
	}},
	{"OnError that is said outside", func(hook func(*http.Request)) http.Handler {
		return middleware.New(middleware.Config{
			Logger:  slog.New(slog.DiscardHandler),
			OnError: func(w http.ResponseWriter, r *http.Request, _ error) { hook(r) },
		})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") }))
	}},
	{"a logger", func(hook func(*http.Request)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			middleware.Recover(slog.New(hookLogger{slog.DiscardHandler, func() { hook(r) }}))(http.HandlerFunc(explode)).ServeHTTP(w, r)
		})
	}},
}

// TestTimeoutHooks: whatever foreign code does inside a Timeout, the client gets its
// 504 at the deadline, nothing waits forever, and the process survives.
func TestTimeoutHooks(t *testing.T) {
	const d = 200 * time.Millisecond
	does := []struct {
		name string
		hook func(t *testing.T, r *http.Request)
	}{
		{"sleeps", func(*testing.T, *http.Request) { slowly() }},
		{"extends when it is too late", func(t *testing.T, r *http.Request) {
			slowly()
			if err := middleware.Extend(r, time.Second); !errors.Is(err, http.ErrHandlerTimeout) {
				t.Errorf("Extend: %v", err)
			}
		}},
		{"panics when it is too late", func(*testing.T, *http.Request) { slowly(); panic("late") }},
		{"aborts when it is too late", func(*testing.T, *http.Request) { slowly(); panic(http.ErrAbortHandler) }},
		{"waits for the end", func(_ *testing.T, r *http.Request) { <-r.Context().Done() }},
	}
	for _, tt := range hooks {
		for _, do := range does {
			for name, foreign := range testkit.Foreign() {
				if !slices.Contains([]string{"none", "bare", "unwrapping"}, name) {
					continue
				}
				t.Run(tt.name+"/"+do.name+"/"+name, func(t *testing.T) {
					var log testkit.Log
					var n running
					h := foreign(within(d, &log, n.count(tt.run(func(r *http.Request) { do.hook(t, r) }))))
					inBubble(t, h, func(t *testing.T, dial func() net.Conn) {
						defer n.wait()
						want := reading{status: 504, body: gatewayTimeout, took: d}
						if got := ask(dial()); got != want {
							t.Errorf("the client got %+v, want %+v", got, want)
						}
					})
					if n := timeouts(&log); n != 1 {
						t.Errorf("%d records of a timeout in %v", n, log.Records())
					}
				})
			}
		}
	}
}

// TestTimeoutHooksInTime: what a hook does before the deadline takes effect.
func TestTimeoutHooksInTime(t *testing.T) {
	const d = 200 * time.Millisecond
	for _, tt := range hooks {
		t.Run(tt.name, func(t *testing.T) {
			var log testkit.Log
			h := within(d, &log, tt.run(func(r *http.Request) {
				time.Sleep(d / 2)
				if err := middleware.Extend(r, time.Minute); err != nil {
					t.Errorf("Extend: %v", err)
				}
				time.Sleep(d)
			}).ServeHTTP)
			inBubble(t, h, func(t *testing.T, dial func() net.Conn) {
				got := ask(dial())
				if got.err != nil || got.status == 504 || got.body == "" || got.took != d/2+d {
					t.Errorf("the client got %+v", got)
				}
			})
			if n := timeouts(&log); n != 0 {
				t.Errorf("%d records of a timeout", n)
			}
		})
	}
}

// TestTimeoutAroundHungCache: a POST gets its 504 at the deadline although the
// store does not return.
func TestTimeoutAroundHungCache(t *testing.T) {
	const d = 200 * time.Millisecond
	var log testkit.Log
	pages := cache.New(cache.Config{Generations: slowRaise{cache.NewGenerations(0)}, Logger: slog.New(slog.DiscardHandler)})
	h := within(d, &log, pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "posted") })).ServeHTTP)
	post := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method = http.MethodPost
		h.ServeHTTP(w, r)
	})
	inBubble(t, post, func(t *testing.T, dial func() net.Conn) {
		want := reading{status: 504, body: gatewayTimeout, took: d}
		if got := ask(dial()); got != want {
			t.Errorf("the client got %+v, want %+v", got, want)
		}
		slowly() // the store returns in the end
		slowly()
	})
}

// TestTimeoutOwnOnError: the hook of a Timeout runs after the response was taken,
// so it may be slow, extend the ended deadline, and panic.
func TestTimeoutOwnOnError(t *testing.T) {
	const d = 200 * time.Millisecond
	tests := []struct {
		name    string
		hook    func(w http.ResponseWriter, r, inside *http.Request)
		want    reading
		records int
	}{
		{"sleeps", func(w http.ResponseWriter, _, _ *http.Request) {
			slowly()
			http.Error(w, "slow", http.StatusServiceUnavailable)
		},
			reading{503, "slow\n", nil, d + 3*time.Second}, 1},
		{"is silent", func(http.ResponseWriter, *http.Request, *http.Request) {},
			reading{500, `{"title":"Internal Server Error","status":500}`, nil, d}, 1},
		{"panics", func(http.ResponseWriter, *http.Request, *http.Request) { panic("hook") },
			reading{504, gatewayTimeout, nil, d}, 1},
		{"aborts", func(http.ResponseWriter, *http.Request, *http.Request) { panic(http.ErrAbortHandler) },
			reading{0, "", io.ErrUnexpectedEOF, d}, 1},
		{"extends the handler's", func(w http.ResponseWriter, _, inside *http.Request) {
			if err := middleware.Extend(inside, time.Hour); !errors.Is(err, http.ErrHandlerTimeout) {
				panic(err)
			}
			http.Error(w, "no", http.StatusServiceUnavailable)
		}, reading{503, "no\n", nil, d}, 1},
		{"extends its own", func(w http.ResponseWriter, r, _ *http.Request) {
			if err := middleware.Extend(r, time.Hour); !errors.Is(err, http.ErrNotSupported) {
				panic(err)
			}
			http.Error(w, "none", http.StatusServiceUnavailable)
		}, reading{503, "none\n", nil, d}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log testkit.Log
			var inside atomic.Pointer[http.Request]
			h := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: d, Logger: log.Logger(),
				OnError: func(w http.ResponseWriter, r *http.Request, _ error) { tt.hook(w, r, inside.Load()) },
			})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inside.Store(r)
				time.Sleep(4 * time.Second)
			}))
			inBubble(t, h, func(t *testing.T, dial func() net.Conn) {
				if got := ask(dial()); got != tt.want {
					t.Errorf("the client got %+v, want %+v", got, tt.want)
				}
			})
			if n := len(log.Records()); n != tt.records {
				t.Errorf("%d records, want %d: %v", n, tt.records, log.Records())
			}
		})
	}
}

// TestTimeoutHookRequest: a hook and the layers outside read the request while the
// handler still changes its own. Reading a map during a write would end the process.
func TestTimeoutHookRequest(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		var done sync.WaitGroup
		over := make(chan struct{})
		changing := func(w http.ResponseWriter, r *http.Request) {
			defer done.Done()
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
					r.Header.Set("X-Count", strconv.Itoa(i))
					r.Header.Del("X-Client")
					r.Header.Add("X-Tag", "handler")
					r.URL.Path = "/changed"
				}
			}
		}
		reading := func(where string, r *http.Request) {
			if r.Header.Get("X-Client") != "1" || r.Header.Get("X-Count") != "" || r.URL.Path == "/changed" {
				t.Errorf("%s sees %v of %v", where, r.Header, r.URL)
			}
		}
		h := middleware.TimeoutWith(middleware.TimeoutConfig{
			Duration: 10 * time.Millisecond, Logger: discard,
			OnError: func(w http.ResponseWriter, r *http.Request, err error) {
				for range 1000 {
					reading("the hook", r)
				}
				if r.Header.Add("X-Tag", "hook"); len(r.Header["X-Tag"]) != 4 {
					t.Errorf("the values are %v", r.Header["X-Tag"])
				}
				reply.Problem(w, r, err)
			},
		})(http.HandlerFunc(changing))
		client, url := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			if r.ProtoMajor == 2 { // on HTTP/1 the handler ran in place, and changed it last
				reading("a layer outside", r)
			}
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Client", "1")
		r.Header["X-Tag"] = []string{"1", "2", "3"}
		done.Add(1)
		if status, _, _, err := fetch(client, testkit.At(t, url, r)); err != nil || status != http.StatusGatewayTimeout {
			t.Errorf("%d %v", status, err)
		}
		close(over)
		done.Wait()
	})
}
