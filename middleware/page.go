package middleware

import (
	"bytes"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/httperr"
)

// A page is a response held in memory.
type page struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (p *page) Header() http.Header { return p.header }

func (p *page) WriteHeader(status int) {
	if p.status == 0 && status >= 200 {
		p.status = status
	}
}

func (p *page) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.body.Write(b)
}

// render has the hook answer err. It runs on a goroutine where a panic would
// end the process.
func (p *page) render(r *http.Request, err error, hook httperr.Hook, logger *slog.Logger) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(logger, r, v)
			p.status = 0
			p.body.Reset()
			httperr.Problem(p, r, err)
		}
	}()
	httperr.Render(p, r, err, hook)
}
