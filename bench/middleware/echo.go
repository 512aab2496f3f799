package middleware

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

// echoTimeout includes echo's router, without which its middleware does not run.
var echoTimeout = rival{name: "echo", module: "github.com/labstack/echo/v5", wrap: func(h http.Handler) http.Handler {
	e := echo.New()
	e.Use(middleware.ContextTimeout(time.Minute))
	e.POST("/api/post/:pid", func(c *echo.Context) error {
		h.ServeHTTP(c.Response(), c.Request())
		return nil
	})
	return e
}}
