// Package fromgin uses the kit in a service on gin, and moves it to net/http route by
// route. docs/from-gin.md explains it.
//
// A gin.Engine is an http.Handler, so there are four places for the kit, without
// changes to existing code:
//
//   - Inside a gin handler: pass c.Writer and c.Request to the functions of the
//     kit: bind.Body(c.Request), reply.JSON(c.Writer, c.Request, ...).
//   - As the handler of a route: [Handler], which is gin.WrapH with r.PathValue.
//   - In r.Use, or around a group: [Middleware].
//   - Around the engine: middleware.New(config)(engine). This is the place for
//     middleware.Timeout and middleware.Recover.
//
// Register new routes on an http.ServeMux, with the engine at "/" for all others.
package fromgin

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// Handler adapts h to a gin route. Unlike gin.WrapH it passes the parameters: ":id"
// is r.PathValue("id"), and fills fields of package bind with a tag `path:"id"`. A
// catch-all such as "*path" begins with a slash in gin, but not here, as in net/http.
// r.Pattern is the route, for loggers.
func Handler(h http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Request.Pattern = c.FullPath()
		for _, p := range c.Params {
			c.Request.SetPathValue(p.Key, strings.TrimPrefix(p.Value, "/"))
		}
		h.ServeHTTP(c.Writer, c.Request)
	}
}
