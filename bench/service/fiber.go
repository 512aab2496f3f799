package service

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v3"
	recoverer "github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/timeout"
)

// fiberServer is not net/http: it has the HTTP/1.1 server of fasthttp, which
// reads a body into memory before a handler begins.
func fiberServer() server {
	return server{
		name:   "fiber",
		module: "github.com/gofiber/fiber/v3",
		weaker: []string{
			"HTTP/1.1 alone, no http.Handler, and a request that is reused: nothing of it may be kept",
			"the context of a request does not end when its client goes",
			"no limit on responses, no ETag without its middleware",
		},
		listen: func(bound time.Duration) func(net.Listener) error {
			app := fiber.New(fiber.Config{
				BodyLimit:       bodyLimit,
				ReadTimeout:     replyTimeout,
				IdleTimeout:     10 * time.Minute,
				StructValidator: structs{newValidator()},
				ErrorHandler: func(c fiber.Ctx, err error) error {
					f := failureOf(err)
					if fiberError := (*fiber.Error)(nil); errors.As(err, &fiberError) {
						f = failure(fiberError.Code)
					}
					return c.Status(int(f)).JSON(f.body())
				},
			})
			app.Use(recoverer.New())
			bounded := func(h fiber.Handler) fiber.Handler {
				return timeout.New(h, timeout.Config{
					Timeout: bound,
					OnTimeout: func(c fiber.Ctx) error {
						f := failure(http.StatusGatewayTimeout)
						return c.Status(int(f)).JSON(f.body())
					},
				})
			}
			app.Post("/api/posts", bounded(func(c fiber.Ctx) error {
				var p newPost
				if err := c.Bind().JSON(&p); err != nil {
					return err
				}
				return c.Status(http.StatusCreated).JSON(accept(p))
			}))
			app.Get("/api/posts/:id", bounded(func(c fiber.Ctx) error {
				p, err := find(c.Params("id"))
				if err != nil {
					return err
				}
				return c.JSON(p)
			}))
			app.Get("/page", bounded(func(c fiber.Ctx) error {
				c.Type("html", "utf-8")
				return c.SendString(page)
			}))
			app.Get("/api/slow", bounded(func(c fiber.Ctx) error {
				// A handler that goes on after the deadline writes into a response
				// that fiber has given to another request: so this one looks.
				select {
				case <-time.After(4 * bound):
					return c.JSON("late")
				case <-c.Context().Done():
					return c.Context().Err()
				}
			}))
			app.Get("/api/panic", bounded(func(fiber.Ctx) error { panic("a handler that fails") }))
			app.Get("/api/events/:n", func(c fiber.Ctx) error {
				n, err := strconv.Atoi(c.Params("n"))
				if err != nil {
					return failure(http.StatusBadRequest)
				}
				c.Set("Content-Type", "text/event-stream")
				c.Set("Cache-Control", "no-cache")
				return c.SendStreamWriter(func(w *bufio.Writer) {
					for range max(n, 1) {
						fmt.Fprintf(w, "event: post\ndata: %s\n\n", event)
						if w.Flush() != nil {
							return
						}
					}
					// Only a write that fails would tell that the client has
					// gone, so an open stream looks now and then.
					for n == 0 {
						time.Sleep(15 * time.Second)
						fmt.Fprint(w, ":\n\n")
						if w.Flush() != nil {
							return
						}
					}
				})
			})
			return func(l net.Listener) error {
				return app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
			}
		},
	}
}
