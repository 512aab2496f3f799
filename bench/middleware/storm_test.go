package middleware_test

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"

	"github.com/apiece/apiece/middleware"
)

// These storms are those of package middleware with third-party routers around the
// pieces, or inside: requests that end as close to their deadline as the scheduler
// allows.

var stormFor = flag.Duration("storm", 200*time.Millisecond, "how long each storm takes over each protocol")

const stormLimit = 15 * time.Millisecond

// nearDeadline returns about when the time is up.
func nearDeadline(ctx context.Context) {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(stormLimit)
	}
	time.Sleep(time.Until(end) - time.Millisecond + rand.N(2*time.Millisecond))
}

// respond writes a response that ends in a dot, in one to three parts.
func respond(w http.ResponseWriter, r *http.Request) {
	if rand.IntN(2) == 0 {
		io.WriteString(w, "part")
		http.NewResponseController(w).Flush()
	}
	nearDeadline(r.Context())
	io.WriteString(w, "end")
	if rand.IntN(4) == 0 {
		panic("a handler that panics")
	}
	io.WriteString(w, ".")
}

// TestStormRouters: gin and chi within the pieces, and around them.
func TestStormRouters(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	quiet := slog.New(slog.DiscardHandler)
	pieces := middleware.New(middleware.Config{MaxDuration: stormLimit, Logger: quiet})

	within := gin.New()
	within.GET("/", func(c *gin.Context) { respond(c.Writer, c.Request) })
	around := gin.New()
	around.Use(gin.RecoveryWithWriter(io.Discard))
	around.GET("/", gin.WrapH(pieces(http.HandlerFunc(respond))))
	streams := gin.New()
	streams.GET("/", func(c *gin.Context) {
		left := rand.IntN(4)
		c.Stream(func(w io.Writer) bool {
			nearDeadline(c.Request.Context())
			left--
			if left < 0 {
				io.WriteString(w, "end.")
				return false
			}
			io.WriteString(w, "part")
			return true
		})
	})
	inChi := chi.NewRouter()
	inChi.Use(chimiddleware.RequestID, chimiddleware.CleanPath)
	inChi.Get("/", respond)
	aroundChi := chi.NewRouter()
	aroundChi.Use(chimiddleware.Compress(5))
	aroundChi.With(pieces).Get("/", respond) // by Use, chi itself would use its context within

	for name, h := range map[string]http.Handler{
		"gin within": pieces(within), "gin around": around, "gin streams": pieces(streams),
		"chi within": pieces(inChi), "chi around": aroundChi,
	} {
		t.Run(name, func(t *testing.T) { blow(t, h, ask) })
	}
}

// TestStormWebsockets: upgrades about when the time is up. One that is in time is
// the handler's for as long as it likes.
func TestStormWebsockets(t *testing.T) {
	pieces := middleware.New(middleware.Config{MaxDuration: stormLimit, Logger: slog.New(slog.DiscardHandler)})
	h := pieces(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nearDeadline(r.Context())
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // it is too late: the Timeout answers
		}
		defer conn.CloseNow()
		time.Sleep(2 * time.Millisecond)
		if err := conn.Write(r.Context(), websocket.MessageText, []byte("mine.")); err != nil {
			t.Errorf("a connection that was taken over in time: %v", err)
		}
		conn.Close(websocket.StatusNormalClosure, "")
	}))
	blow(t, h, func(client *http.Client, url string) (int, string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		conn, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
				body, failed := io.ReadAll(resp.Body)
				return resp.StatusCode, string(body), failed
			}
			return 0, "", err
		}
		defer conn.CloseNow()
		_, text, err := conn.Read(ctx)
		conn.Close(websocket.StatusNormalClosure, "")
		return http.StatusOK, string(text), err
	})
}

func ask(client *http.Client, url string) (int, string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// blow sends requests to h from several clients. Each gets a whole response, or
// can tell that it did not.
func blow(t *testing.T, h http.Handler, ask func(*http.Client, string) (int, string, error)) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if recover() != nil {
						panic(http.ErrAbortHandler) // the only one that net/http does not log
					}
				}()
				h.ServeHTTP(w, r)
			}))
			s.EnableHTTP2 = protocol == "HTTP/2"
			s.StartTLS()
			defer s.Close()
			client := s.Client()
			client.Timeout = time.Minute
			var mu sync.Mutex
			seen := make(map[string]int)
			var clients sync.WaitGroup
			for start, i := time.Now(), 0; i < 8; i++ {
				clients.Go(func() {
					for time.Since(start) < *stormFor {
						status, body, err := ask(client, s.URL)
						outcome := "wrong"
						switch {
						case err != nil:
							outcome = "cut"
						case status == http.StatusOK && strings.HasSuffix(body, "."):
							outcome = "whole"
						case status >= 500 && strings.Contains(body, `"status":5`):
							outcome = "problem"
						default:
							t.Errorf("%d %q", status, body)
						}
						mu.Lock()
						seen[outcome]++
						mu.Unlock()
					}
				})
			}
			clients.Wait()
			t.Log(seen)
			if seen["whole"]+seen["problem"] == 0 {
				t.Error("no response at all")
			}
		})
	}
}
