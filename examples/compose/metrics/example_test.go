package metrics_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/examples/compose/metrics"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

func Example() {
	provider, endpoint, err := metrics.Prometheus()
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	m, err := metrics.New(provider, mux)
	if err != nil {
		panic(err)
	}
	kit := middleware.New(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 10},
		MaxDuration: time.Second,
		OnError:     m.OnError(reply.Problem),
	})
	mux.Handle("POST /notes/{id}", kit(m.Timeouts(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, 204, nil)
	}))))
	service := m.Requests(mux)

	for _, body := range []string{"short", "longer than ten"} {
		service.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/notes/7", strings.NewReader(body)))
	}

	w := httptest.NewRecorder()
	endpoint.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "apiece_errors") {
			name, labels, _ := strings.Cut(line, "{")
			fmt.Println(name, labels[:strings.Index(labels, ",otel_scope")])
		}
	}
	// Output: apiece_errors_total error_type="*bodyparser.Error",http_response_status_code="413",http_route="/notes/{id}"
}
