package pattern

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v5"
)

var echoRouter = router{"echo", native, "github.com/labstack/echo/v5", func(routes []route) http.Handler {
	m := echo.NewWithConfig(echo.Config{
		Logger:           slog.New(slog.NewTextHandler(io.Discard, nil)),
		HTTPErrorHandler: func(*echo.Context, error) {},
	})
	for _, r := range routes {
		h := func(*echo.Context) error { return nil }
		if r.read != "" {
			h = func(c *echo.Context) error { ran(r.path, c.Param(r.star())); return nil }
		}
		m.Add(r.method, colonAnon.write(r.path), h)
	}
	return m
}}
