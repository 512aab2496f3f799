package bodyparser_test

import (
	"fmt"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
)

type fiberValidator struct{ v *validator.Validate }

func (f fiberValidator) Validate(x any) error { return f.v.Struct(x) }

// Fiber is not net/http: the body is in memory when a handler begins, and what
// it took to read it is not in the figure.
func fiberBinder() rival {
	app := fiber.New(fiber.Config{StructValidator: fiberValidator{validator.New(validator.WithRequiredStructEnabled())}})
	app.Post("/", func(c fiber.Ctx) error {
		o := new(order)
		if err := c.Bind().JSON(o); err != nil {
			return err
		}
		return c.Send(okBody)
	})
	h := app.Handler()
	ctx := &fasthttp.RequestCtx{}
	return rival{"fiber, body in memory", func(text []byte) {
		ctx.Request.Reset()
		ctx.Response.Reset()
		ctx.Request.Header.SetMethod("POST")
		ctx.Request.SetRequestURI("/")
		ctx.Request.Header.SetContentType("application/json")
		ctx.Request.SetBodyRaw(text)
		h(ctx)
		if status := ctx.Response.StatusCode(); status != 200 {
			panic(fmt.Sprintf("fiber: status %d", status))
		}
	}}
}
