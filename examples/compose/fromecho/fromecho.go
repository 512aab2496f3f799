// Package fromecho brings the kit into a service that runs on echo v5, and moves
// it to net/http a route at a time. The page docs/from-echo.md walks through
// it.
//
// An echo.Echo is an http.Handler, so there are four places for the kit, and
// none of them needs a change to what is there:
//
//   - Inside a handler of echo: c.Response() and c.Request() are what the
//     functions of the kit take. bind.Body(c.Request()),
//     reply.JSON(c.Response(), c.Request(), ...). Their errors can be returned:
//     echo finds the status of an error by the same method StatusCode.
//   - As the handler of a route: echo.WrapHandler, which hands on the parameters
//     in r.PathValue. A catch-all is r.PathValue("*").
//   - In e.Use, or around a group: [Middleware].
//   - Around echo: middleware.New(config)(e). This is the place for
//     middleware.Timeout and middleware.Recover.
//
// New routes are registered on an http.ServeMux, with echo at "/" for what has
// not moved.
package fromecho

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/apiece/apiece/reply"
)

// Middleware makes a middleware of net/http one of echo, for e.Use and for groups.
// Unlike echo.WrapMiddleware it answers the error that a handler of echo
// returns while the middleware is still there, so that a cache, a limit on the
// response or a record of its status sees this answer too. Layers of echo
// further out get the error as before.
//
// middleware.Timeout belongs around echo instead. Over HTTP/2 it answers while
// the handler still runs, and echo gives the context of that handler to the next
// request.
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

// ErrorHandler is an echo.HTTPErrorHandler that answers as the kit does: problem
// documents, or whatever the OnError of a middleware.Config around echo says,
// and a record in the log for each response of 500 or more. The message of an
// echo.HTTPError is its detail.
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
