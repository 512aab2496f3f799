package metrics_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/examples/compose/metrics"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/middlewaretest"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// A service has everything that is counted.
type service struct {
	http.Handler
	hub      *hub.Hub
	pages    *cache.Cache
	log      *plane
	endpoint http.Handler
	serving  sync.WaitGroup
}

// plane is a backplane in memory with the Stats that adapters have.
type plane struct {
	backplanetest.Memory
	stats planeStats
}

type planeStats struct {
	Reconnects uint64
	LastSeq    uint64
	Lag        time.Duration
}

func (p *plane) Stats() planeStats { return p.stats }

// A place is where the kit stands.
type place int

const (
	inside place = iota // of the mux, around each handler
	around              // the mux
)

func newService(t testing.TB, where place) *service {
	t.Helper()
	provider, endpoint, err := metrics.Prometheus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	mux := http.NewServeMux()
	m, err := metrics.New(provider, mux)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	s := &service{
		log:      new(plane),
		pages:    cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Origin: mux, Logger: quiet}),
		endpoint: endpoint,
	}
	s.hub = hub.New(hub.Config{Backplane: s.log, MaxSubscribers: 1, Logger: quiet})
	t.Cleanup(func() { _ = s.hub.Shutdown(t.Context()) })
	for _, err := range []error{m.Hub("events", s.hub), m.Cache("pages", s.pages), metrics.Backplane(m, "events", s.log.Stats)} {
		if err != nil {
			t.Fatal(err)
		}
	}

	kit := middleware.New(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 10},
		MaxDuration: time.Minute,
		OnError:     m.OnError(reply.Problem),
		Logger:      quiet,
	})
	within, outside := kit, func(h http.Handler) http.Handler { return h }
	if where == around {
		within, outside = outside, kit
	}
	handle := func(pattern string, h http.Handler) { mux.Handle(pattern, within(m.Timeouts(h))) }
	handle("POST /notes/{id}", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, 204, nil)
	}))
	handle("GET /api/{what}", reply.HandlerFunc(api))
	handle("/pages/{id}", m.Cached(s.pages.Middleware(http.HandlerFunc(page))))
	handle("GET /events", s.hub.Handler("t"))
	measured := m.Requests(outside(mux))
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serving.Add(1)
		defer s.serving.Done()
		measured.ServeHTTP(w, r)
	})
	return s
}

func api(w http.ResponseWriter, r *http.Request) error {
	switch r.PathValue("what") {
	case "panic":
		panic("on purpose")
	case "error":
		return errors.New("disk on fire")
	case "wrapped":
		return fmt.Errorf("while rendering: %w", reply.NewError(http.StatusServiceUnavailable, ""))
	case "limited":
		return reply.NewError(http.StatusTooManyRequests, "")
	case "abort":
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case "upgrade":
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		return err
	case "cut":
		_, _ = io.WriteString(w, "a part")
		_ = http.NewResponseController(w).Flush()
		fallthrough
	case "slow":
		_ = middleware.Extend(r, 0) // the time is up
		<-r.Context().Done()
		return r.Context().Err()
	}
	return reply.JSON(w, r, 200, "fine")
}

func page(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") == "mine" {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	}
	if upstream := r.URL.Query().Get("upstream"); upstream != "" {
		w.Header().Add("Cache-Status", upstream)
	}
	_, _ = io.WriteString(w, "a page")
}

// A sample is the name of a metric with its labels: name{a="b",c="d"}.
type samples map[string]float64

// scrape requests and parses the endpoint. It omits labels that are the same for all.
func (s *service) scrape(t testing.TB) samples {
	t.Helper()
	w := httptest.NewRecorder()
	s.endpoint.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("the endpoint answers %d: %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := make(samples)
	for name, family := range families {
		for _, x := range family.GetMetric() {
			var labels []string
			for _, l := range x.GetLabel() {
				if !strings.HasPrefix(l.GetName(), "otel_scope_") {
					labels = append(labels, fmt.Sprintf("%s=%q", strings.TrimPrefix(l.GetName(), "http_"), l.GetValue()))
				}
			}
			slices.Sort(labels)
			key := name + "{" + strings.Join(labels, ",") + "}"
			switch family.GetType() {
			case dto.MetricType_HISTOGRAM:
				all[key] = float64(x.GetHistogram().GetSampleCount())
			case dto.MetricType_COUNTER:
				all[key] = x.GetCounter().GetValue()
			case dto.MetricType_GAUGE:
				all[key] = x.GetGauge().GetValue()
			}
		}
	}
	return all
}

// end waits for what is counted after the response, with the given number of timeouts, and scrapes.
func (s *service) end(t testing.TB, timeouts float64) (all samples) {
	t.Helper()
	s.serving.Wait()
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(time.Millisecond) {
		if all = s.scrape(t); all.of("apiece_timeouts_total")[`route="/api/{what}"`] == timeouts {
			break
		}
	}
	return all
}

// of returns the samples of one metric.
func (all samples) of(name string) samples {
	some := make(samples)
	for key, value := range all {
		if labels, ok := strings.CutPrefix(key, name+"{"); ok {
			some[strings.TrimSuffix(labels, "}")] = value
		}
	}
	return some
}

func (all samples) expect(t *testing.T, name string, want samples) {
	t.Helper()
	if got := all.of(name); !maps.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

func (all samples) String() string {
	var lines []string
	for key, value := range all {
		lines = append(lines, fmt.Sprintf("\t%s %v", key, value))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// places runs the test with the kit in each place, over HTTP/1.1 and HTTP/2. The
// labels are the same in all.
func places(t *testing.T, test func(*testing.T, *service, *loopback.Server)) {
	for where, name := range []string{"inside", "around"} {
		t.Run(name, func(t *testing.T) {
			var x *service
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { x.ServeHTTP(w, r) })
			loopback.Both(t, h, func(t *testing.T, s *loopback.Server) {
				x = newService(t, place(where))
				test(t, x, s)
			})
		})
	}
}

// send sends a request, and reads the response, which may be cut.
func send(t *testing.T, s *loopback.Server, method, path, body string, fields ...string) (status int, err error) {
	t.Helper()
	resp := s.Open(method, path, body, fields...)
	_, err = io.ReadAll(resp.Body)
	return resp.StatusCode, err
}

// TestErrorMetrics: errors by status, route and type, including rejected requests and timeouts.
func TestErrorMetrics(t *testing.T) {
	places(t, func(t *testing.T, x *service, s *loopback.Server) {
		const problem = "Content-Type: application/json"
		for _, tt := range []struct {
			method, path, body, field string
			status                    int
		}{
			{"GET", "/api/fine", "", "", 200},
			{"POST", "/notes/1", "{}", problem, 204},
			{"POST", "/notes/2", "{}", problem, 204},
			{"POST", "/notes/1", `"rather long"`, problem, 413},
			{"POST", "/notes/2", `"rather long"`, problem, 413},
			{"POST", "/notes/1", "{", problem, 400},
			{"POST", "/notes/1", "{}", "Content-Type: /", 415},
			{"GET", "/api/panic", "", "", 500},
			{"GET", "/api/error", "", "", 500},
			{"GET", "/api/wrapped", "", "", 503},
			{"GET", "/api/limited", "", "", 429},
			{"GET", "/api/slow", "", "", 504},
			{"PUT", "/notes/1", "", "", 405},
			{"GET", "/nowhere", "", "", 404},
		} {
			if status, _ := send(t, s, tt.method, tt.path, tt.body, tt.field); status != tt.status {
				t.Errorf("%s %s: %d, want %d", tt.method, tt.path, status, tt.status)
			}
		}
		got := x.end(t, 1)
		got.expect(t, "apiece_errors_total", samples{
			`error_type="*bodyparser.Error",response_status_code="413",route="/notes/{id}"`:        2,
			`error_type="*bodyparser.Error",response_status_code="400",route="/notes/{id}"`:        1,
			`error_type="*bodyparser.Error",response_status_code="415",route="/notes/{id}"`:        1,
			`error_type="*problem.Error",response_status_code="500",route="/api/{what}"`:           1,
			`error_type="*errors.errorString",response_status_code="500",route="/api/{what}"`:      1,
			`error_type="*reply.Error",response_status_code="503",route="/api/{what}"`:             1,
			`error_type="*reply.Error",response_status_code="429",route="/api/{what}"`:             1,
			`error_type="*middleware.TimeoutError",response_status_code="504",route="/api/{what}"`: 1,
		})
		got.expect(t, "apiece_timeouts_total", samples{`route="/api/{what}"`: 1})
		got.expect(t, "http_server_request_duration_seconds", samples{
			`request_method="GET",response_status_code="200",route="/api/{what}",url_scheme="http"`:                  1,
			`request_method="POST",response_status_code="204",route="/notes/{id}",url_scheme="http"`:                 2,
			`request_method="POST",response_status_code="413",route="/notes/{id}",url_scheme="http"`:                 2,
			`request_method="POST",response_status_code="400",route="/notes/{id}",url_scheme="http"`:                 1,
			`request_method="POST",response_status_code="415",route="/notes/{id}",url_scheme="http"`:                 1,
			`error_type="500",request_method="GET",response_status_code="500",route="/api/{what}",url_scheme="http"`: 2,
			`error_type="503",request_method="GET",response_status_code="503",route="/api/{what}",url_scheme="http"`: 1,
			`error_type="504",request_method="GET",response_status_code="504",route="/api/{what}",url_scheme="http"`: 1,
			`request_method="GET",response_status_code="429",route="/api/{what}",url_scheme="http"`:                  1,
			`request_method="PUT",response_status_code="405",url_scheme="http"`:                                      1,
			`request_method="GET",response_status_code="404",url_scheme="http"`:                                      1,
		})
	})
}

// TestRequestMetricsCutResponse: a cut response differs from a complete one, and a timeout without a 504 is counted.
func TestRequestMetricsCutResponse(t *testing.T) {
	places(t, func(t *testing.T, x *service, s *loopback.Server) {
		for _, what := range []string{"cut", "abort"} {
			if status, err := send(t, s, "GET", "/api/"+what, ""); status != 200 || err == nil {
				t.Errorf("%s: %d, %v; want a 200 that breaks off", what, status, err)
			}
		}
		got := x.end(t, 1)
		got.expect(t, "apiece_errors_total", samples{})
		got.expect(t, "apiece_timeouts_total", samples{`route="/api/{what}"`: 1})
		got.expect(t, "http_server_request_duration_seconds", samples{
			`error_type="aborted",request_method="GET",response_status_code="200",route="/api/{what}",url_scheme="http"`: 2,
		})
	})
}

// TestRequestMetricsUpgrade: a hijacked connection has switched protocols.
func TestRequestMetricsUpgrade(t *testing.T) {
	x := newService(t, inside)
	s := loopback.Serve(t, x)
	resp := s.Open("GET", "/api/upgrade", "", "Connection: Upgrade", "Upgrade: x")
	resp.Body.Close()
	x.end(t, 0).expect(t, "http_server_request_duration_seconds", samples{
		`request_method="GET",response_status_code="101",route="/api/{what}",url_scheme="http"`: 1,
	})
}

// TestHubMetrics: the Stats of a hub, its 503s by route, and its backplane.
func TestHubMetrics(t *testing.T) {
	places(t, func(t *testing.T, x *service, s *loopback.Server) {
		const ofHub, ofLog = `apiece_hub_name="events"`, `apiece_backplane_name="events"`
		events := bufio.NewReader(s.Open("GET", "/events", "").Body)
		if _, err := x.hub.Publish(t.Context(), "t", stream.Event{Data: "1"}); err != nil {
			t.Fatal(err)
		}
		for {
			line, err := events.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if line == "data: 1\n" {
				break
			}
		}
		if status, _ := send(t, s, "GET", "/events", ""); status != 503 {
			t.Errorf("a subscriber more than there is room for: %d, want 503", status)
		}
		x.log.stats = planeStats{Reconnects: 3, LastSeq: 1, Lag: 250 * time.Millisecond}
		got := x.scrape(t)
		for name, want := range map[string]float64{
			"subscribers": 1, "topics": 1, "published_total": 1, "delivered_total": 1, "coalesced_total": 0,
			"gaps_total": 0, "disconnected_total": 0, "refused_total": 1,
		} {
			got.expect(t, "apiece_hub_"+name, samples{ofHub: want})
		}
		got.expect(t, "apiece_backplane_reconnects_total", samples{ofLog: 3})
		got.expect(t, "apiece_backplane_last_seq", samples{ofLog: 1})
		got.expect(t, "apiece_backplane_lag_seconds", samples{ofLog: 0.25})

		if err := x.hub.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		got = x.end(t, 0)
		got.expect(t, "apiece_hub_subscribers", samples{ofHub: 0})
		got.expect(t, "apiece_errors_total", samples{
			`error_type="*hub.fullError",response_status_code="503",route="/events"`: 1,
		})
		got.expect(t, "http_server_request_duration_seconds", samples{
			`request_method="GET",response_status_code="200",route="/events",url_scheme="http"`:                  1,
			`error_type="503",request_method="GET",response_status_code="503",route="/events",url_scheme="http"`: 1,
		})
	})
}

// TestCacheMetrics: hits and misses, and why.
func TestCacheMetrics(t *testing.T) {
	places(t, func(t *testing.T, x *service, s *loopback.Server) {
		for _, path := range []string{"1", "1", "1", "2", "mine", "mine?upstream=apiece%3B+fwd%3Dwhatever"} {
			send(t, s, "GET", "/pages/"+path, "")
		}
		send(t, s, "POST", "/pages/1", "", "Content-Length: 0")
		send(t, s, "GET", "/pages/1", "", "Cache-Control: no-store")
		got := x.end(t, 0)
		const of = `apiece_cache_name="pages"`
		got.expect(t, "apiece_cache_requests_total", samples{
			`apiece_cache_name="pages",apiece_cache_result="hit"`:    2,
			`apiece_cache_name="pages",apiece_cache_result="stale"`:  0,
			`apiece_cache_name="pages",apiece_cache_result="miss"`:   4,
			`apiece_cache_name="pages",apiece_cache_result="bypass"`: 2,
		})
		for name, want := range map[string]float64{"fills_total": 4, "fill_errors_total": 0, "evicted_total": 0, "waiting": 0,
			"invalidated_total": 2, // by the POST, as its response goes out and when its handler has returned
		} {
			got.expect(t, "apiece_cache_"+name, samples{of: want})
		}
		if got["apiece_cache_size_bytes{"+of+"}"] <= 0 {
			t.Errorf("no size of what is stored:\n%s", got.of("apiece_cache_size_bytes"))
		}
		got.expect(t, "apiece_cache_responses_total", samples{
			`apiece_cache_status="hit",route="/pages/{id}"`:                                         2,
			`apiece_cache_status="miss",route="/pages/{id}"`:                                        2,
			`apiece_cache_detail="set-cookie",apiece_cache_status="miss",route="/pages/{id}"`:       1,
			`apiece_cache_status="",route="/pages/{id}"`:                                            1,
			`apiece_cache_status="method",route="/pages/{id}"`:                                      1,
			`apiece_cache_detail="request-no-store",apiece_cache_status="miss",route="/pages/{id}"`: 1,
		})
	})
}

// TestMetricsSeriesBounded: the number of series does not grow with different requests.
func TestMetricsSeriesBounded(t *testing.T) {
	places(t, func(t *testing.T, x *service, s *loopback.Server) {
		ask := func(i int) {
			id := strconv.Itoa(i)
			host := []string{"Host: " + id + ".example", "X-Forwarded-Host: " + id, "X-Forwarded-Proto: " + id, "User-Agent: " + id}
			for _, path := range []string{"/nowhere/" + id, "/notes/" + id, "/api/fine?" + id, "/api/" + id, "/pages/" + id, "/pages/1?upstream=apiece;+fwd%3D" + id} {
				send(t, s, "GET", path, "", host...)
				send(t, s, "M"+id, path, "", host...)
			}
			send(t, s, "POST", "/notes/"+id, `"rather long `+id+`"`, host...)
			send(t, s, "POST", "/notes/"+id, `1`, append(host, "Content-Type: text/"+id)...)
			send(t, s, "POST", "/notes/"+id, `1`, append(host, "Content-Type: /"+id)...)
		}
		ask(0)
		ask(0)
		before := x.end(t, 0)
		for i := range 20 {
			ask(i + 1)
		}
		after := x.end(t, 0)
		for key := range after {
			if _, ok := before[key]; !ok {
				t.Errorf("a series more: %s", key)
			}
		}
		if n := after.of("http_server_request_duration_seconds"); len(n) < 5 {
			t.Errorf("too few series to say anything:\n%s", n)
		}
	})
}

// TestMiddlewareIsTransparent: the middleware hides no feature from a handler.
func TestMiddlewareIsTransparent(t *testing.T) {
	provider, _, err := metrics.Prometheus()
	if err != nil {
		t.Fatal(err)
	}
	m, err := metrics.New(provider, http.NewServeMux())
	if err != nil {
		t.Fatal(err)
	}
	for name, layer := range map[string]func(http.Handler) http.Handler{"Requests": m.Requests, "Timeouts": m.Timeouts, "Cached": m.Cached} {
		t.Run(name, func(t *testing.T) { middlewaretest.Run(t, layer) })
	}
}
