package service

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

// echoServer has echo's own middleware and binding.
func echoServer(form form) server {
	return form.of(server{
		name:   "echo",
		module: "github.com/labstack/echo/v5",
		weaker: []string{
			"the timeout ends the context and no more: a handler that does not look goes on, and the client waits",
			"no bound on the time of a slow body",
			"no limit on responses, no ETag",
		},
		listen: func(timeout time.Duration) func(net.Listener) error {
			e := echo.New()
			e.Logger = slog.New(slog.DiscardHandler)
			e.Validator = structs{newValidator()}
			e.HTTPErrorHandler = func(c *echo.Context, err error) {
				f := failureOf(err)
				if errors.As(err, new(*middleware.PanicStackError)) {
					f = http.StatusInternalServerError
				}
				c.JSON(int(f), f.body())
			}
			if form != samePromises {
				e.Use(middleware.Recover())
			}
			e.Use(middleware.BodyLimit(bodyLimit))
			g := e.Group("")
			if form == documented {
				g.Use(middleware.ContextTimeout(timeout))
			}
			g.POST("/api/posts", func(c *echo.Context) error {
				var p newPost
				if err := c.Bind(&p); err != nil {
					return err
				}
				if err := c.Validate(&p); err != nil {
					return err
				}
				return c.JSON(http.StatusCreated, accept(p))
			})
			g.GET("/api/posts/:id", func(c *echo.Context) error {
				p, err := find(c.Param("id"))
				if err != nil {
					return err
				}
				return c.JSON(http.StatusOK, p)
			})
			g.GET("/page", func(c *echo.Context) error {
				c.Response().Header().Set("Content-Length", strconv.Itoa(len(page)))
				return c.HTML(http.StatusOK, page)
			})
			g.GET("/api/slow", echo.WrapHandler(slow(timeout)))
			g.GET("/api/panic", echo.WrapHandler(http.HandlerFunc(panics)))
			e.GET("/api/events/:n", func(c *echo.Context) error {
				writeEvents(c.Response(), c.Request(), c.Param("n"))
				return nil
			})
			return overHTTP(form.around(e, timeout))
		},
	})
}
