// Package fromgin brings the kit into a service that runs on gin, and moves it
// to net/http a route at a time. The page docs/from-gin.md walks through it.
//
// A gin.Engine is an http.Handler, so there are four places for the kit, and
// none of them needs a change to what is there:
//
//   - Inside a handler of gin: c.Writer and c.Request are what the functions of
//     the kit take. bind.Body(c.Request), reply.JSON(c.Writer, c.Request, ...).
//   - As the handler of a route: [Handler], which is gin.WrapH with r.PathValue.
//   - In r.Use, or around a group: [Middleware].
//   - Around the engine: middleware.New(config)(engine). This is the place for
//     middleware.Timeout and middleware.Recover.
//
// New routes are registered on an http.ServeMux, with the engine at "/" for
// what has not moved.
package fromgin

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// Handler mounts h as the handler of a route of gin. Unlike gin.WrapH it hands on
// the parameters of the route: h finds ":id" in r.PathValue("id"), as do the
// fields of package bind with a tag `path:"id"`. A catch-all such as "*path" begins
// with a slash in gin and with none here, as in net/http. Loggers find the
// route in r.Pattern.
func Handler(h http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Request.Pattern = c.FullPath()
		for _, p := range c.Params {
			c.Request.SetPathValue(p.Key, strings.TrimPrefix(p.Value, "/"))
		}
		h.ServeHTTP(c.Writer, c.Request)
	}
}
