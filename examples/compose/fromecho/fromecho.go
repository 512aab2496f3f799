// Package fromecho uses the kit in a service on echo v5, and moves it to net/http
// route by route. docs/from-echo.md explains it.
//
// An echo.Echo is an http.Handler, so there are four places for the kit, without
// changes to existing code:
//
//   - Inside an echo handler: pass c.Response() and c.Request() to the functions
//     of the kit: bind.Body(c.Request()), reply.JSON(c.Response(), c.Request(),
//     ...). Return their errors: echo finds the status of an error by the same
//     method StatusCode.
//   - As the handler of a route: echo.WrapHandler, which passes the parameters
//     in r.PathValue. A catch-all is r.PathValue("*").
//   - In e.Use, or around a group: [Middleware].
//   - Around echo: middleware.New(config)(e). This is the place for
//     middleware.Timeout and middleware.Recover.
//
// Register new routes on an http.ServeMux, with echo at "/" for all others.
package fromecho

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/apiece/apiece/reply"
)

// Middleware adapts a net/http middleware to echo, for e.Use and for groups. Unlike
// echo.WrapMiddleware it handles the error of an echo handler inside the middleware,
// so that a cache, a response limit or an access log sees the error response too.
// Outer echo middleware gets the error as before.
//
// Put middleware.Timeout around echo instead. Over HTTP/2 it responds while the
// handler still runs, and echo gives the context of that handler to the next request.
func Middleware(m func(http.Handler) http.Handler) echo.MiddlewareFunc {
	wrap := echo.WrapMiddleware(m)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return wrap(func(c *echo.Context) error {
			err := next(c)
			if err != nil {
				c.Echo().HTTPErrorHandler(c, err) // which never sends a second response
			}
			return err
		})
	}
}

// ErrorHandler is an echo.HTTPErrorHandler that sends errors like the kit: problem
// details, or the OnError of a middleware.Config around echo, and a log record for
// each response of 500 or above. The message of an echo.HTTPError is the detail.
func ErrorHandler(c *echo.Context, err error) {
	w, r := c.Response(), c.Request()
	if sent, _ := echo.UnwrapResponse(w); sent != nil && sent.Committed {
		return
	}
	var known *echo.HTTPError
	if errors.As(err, &known) {
		err = reply.NewError(known.Code, known.Message).WithCause(err)
	}
	reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
}
