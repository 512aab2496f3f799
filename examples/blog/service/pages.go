package service

import (
	"bytes"
	"crypto/subtle"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/reply"
)

// revalidateSecret belongs in the environment. The demo has it here and on the page,
// so that the page can use it.
const revalidateSecret = "it is a demo, too"

// newPages returns the cache of the rendered pages: fresh for an hour, then served
// stale for a day while they are revalidated in the background.
func newPages(cfg cache.Config, site http.Handler) *cache.Cache {
	cfg.Lifetime = cache.Lifetime{TTL: time.Hour, StaleWhileRevalidate: 24 * time.Hour, Public: true}
	cfg.Origin = site
	cfg.StatusHeader = "X-Nextjs-Cache"
	return cache.New(cfg)
}

var rendered = template.Must(template.New("post").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Post.Title}}</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em; overflow-wrap: anywhere }</style>
<p><a href="/">apiece blog</a>
<h1>{{.Post.Title}}</h1>
<p>{{.Post.Text}}
<p>Post {{.Post.ID}} of {{.Count}}. Rendered at {{.At.Format "15:04:05"}}.
</html>
`))

// render serves /blog/{id}. It is slow, like a page that queries a database and another service.
func (s *Service) render(w http.ResponseWriter, r *http.Request) error {
	id, _ := strconv.Atoi(r.PathValue("id"))
	p, err := found(s.posts.Get(r.Context(), id))
	if err != nil {
		cache.SetLifetime(r.Context(), cache.Lifetime{TTL: -1}) // the post may be written later
		return err
	}
	all, err := s.posts.List(r.Context())
	if err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	var text bytes.Buffer
	err = rendered.Execute(&text, map[string]any{"Post": p, "Count": len(all), "At": time.Now()})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return reply.Send(w, r, http.StatusOK, text.String())
}

// revalidate serves POST /api/revalidate: it renders a page again, for clients that
// know the secret.
func revalidate(pages *cache.Cache) reply.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := bind.Body[struct {
			Secret string `json:"secret" validate:"required"`
			Path   string `json:"path" validate:"required,startswith=/blog/"`
		}](r)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(in.Secret), []byte(revalidateSecret)) != 1 {
			return reply.NewError(http.StatusUnauthorized, "Invalid secret")
		}
		if err := pages.Revalidate(r.Context(), in.Path); err != nil {
			return reply.NewError(http.StatusBadGateway, "The old page stays").WithCause(err)
		}
		return reply.JSON(w, r, http.StatusOK, map[string]bool{"revalidated": true})
	}
}
