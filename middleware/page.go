package middleware

import (
	"bytes"
	"fmt"
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
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("middleware: invalid status %d", status)) // as net/http does
	}
	if p.status == 0 && status >= 200 {
		p.status = status
	}
}

func (p *page) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.body.Write(b)
}

// render has the hook answer err, or, if the hook panics, answers without it.
func (p *page) render(r *http.Request, err error, hook httperr.Hook, panicked func(any)) {
	defer func() {
		if v := recover(); v != nil {
			panicked(v)
			p.status = 0
			p.body.Reset()
			httperr.Problem(p, r, err)
		}
	}()
	httperr.Render(p, r, err, hook)
}
