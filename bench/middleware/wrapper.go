package middleware

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/middleware"
)

// wrappers are what it costs to watch a response, to be there for a panic, and
// to bound a body.
func wrappers() []compare.Comparison {
	text := []byte(body)
	write := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(text) }
	echo := func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(text)
	}
	return []compare.Comparison{
		around("ResponseLimit", "what is written is counted", 1, body, write,
			bare,
			kit("kit, warn", middleware.ResponseLimit(0)),
			kit("kit, abort", middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Action: middleware.LimitAbort})),
			httpsnoopWrap, httpsnoopCapture, chiWrap,
		),
		around("Recover", "nothing panics", 1, body, write,
			bare,
			kit("kit", middleware.Recover(slog.Default())),
			chiRecoverer, gorillaRecovery,
		),
		around("BodyLimit", "the handler reads the body; the parser of the kit has read it already", 1, body, echo,
			bare,
			kit("kit, raw", bodyparser.New(bodyparser.Config{Raw: true, Limit: 1 << 20})),
			kit("kit, parsed", bodyparser.New(bodyparser.Config{})),
			stdlib("http.MaxBytesHandler", func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 1<<20) }),
		),
	}
}
