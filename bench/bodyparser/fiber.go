package bodyparser

import (
	"net"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
)

type fiberValidator struct{ v *validator.Validate }

func (f fiberValidator) Validate(x any) error { return f.v.Struct(x) }

var fiberBinder = rival{name: "fiber, body in memory", module: "github.com/gofiber/fiber/v3", start: func() func([]byte) int {
	app := fiber.New(fiber.Config{
		BodyLimit:       limit,
		StructValidator: fiberValidator{validator.New(validator.WithRequiredStructEnabled())},
	})
	app.Post("/", func(c fiber.Ctx) error {
		o := new(order)
		if err := c.Bind().JSON(o); err != nil {
			return err
		}
		got(o)
		return c.Send(okBody)
	})
	h := app.Handler()
	ctx := &fasthttp.RequestCtx{}
	return func(text []byte) int {
		ctx.Request.Reset()
		ctx.Response.Reset()
		ctx.Request.Header.SetMethod("POST")
		ctx.Request.SetRequestURI("/")
		ctx.Request.Header.SetContentType("application/json")
		ctx.Request.SetBodyRaw(text)
		h(ctx)
		return ctx.Response.StatusCode()
	}
}}

func fiberSmall(l net.Listener) (stop func() error) {
	app := fiber.New(fiber.Config{BodyLimit: kibibyte})
	app.Post("/", func(c fiber.Ctx) error {
		var v small
		if err := c.Bind().JSON(&v); err != nil {
			return c.SendStatus(400)
		}
		return c.SendString(v.A)
	})
	go app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
	return app.Shutdown
}
