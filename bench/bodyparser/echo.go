package bodyparser

import (
	"net/http"

	"github.com/go-playground/validator/v10"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

type echoValidator struct{ v *validator.Validate }

func (e echoValidator) Validate(x any) error { return e.v.Struct(x) }

var echoBinder = over("echo", "github.com/labstack/echo/v5", func() http.Handler {
	e := echo.New()
	e.Validator = echoValidator{validator.New(validator.WithRequiredStructEnabled())}
	e.Use(middleware.BodyLimit(limit))
	e.POST("/", func(c *echo.Context) error {
		o := new(order)
		if err := c.Bind(o); err != nil {
			return err
		}
		if err := c.Validate(o); err != nil {
			return err
		}
		got(o)
		return c.Blob(http.StatusOK, "text/plain", okBody)
	})
	return e
})

func echoSmall() http.Handler {
	e := echo.New()
	e.Use(middleware.BodyLimit(kibibyte))
	e.POST("/", func(c *echo.Context) error {
		var v small
		if err := c.Bind(&v); err != nil {
			return err
		}
		return c.String(200, v.A)
	})
	return e
}
