package service

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// ginServer has gin's own recovery and binding. The limit is written by hand,
// as the documentation of gin has it.
func ginServer(f form) server {
	return f.of(server{
		name:   "gin",
		module: "github.com/gin-gonic/gin",
		weaker: []string{
			"no bound on the time of a handler, nor on that of a slow body",
			"what follows the JSON value in a body is not looked at",
			"no limit on responses, no ETag",
		},
		listen: func(timeout time.Duration) func(net.Listener) error {
			gin.SetMode(gin.ReleaseMode)
			pageBytes := []byte(page)
			g := gin.New()
			if f != samePromises {
				g.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) {
					ginFail(c, failure(http.StatusInternalServerError))
				}))
			}
			g.Use(func(c *gin.Context) {
				c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, bodyLimit)
			})
			g.POST("/api/posts", func(c *gin.Context) {
				var p newPost
				if err := c.ShouldBindJSON(&p); err != nil {
					ginFail(c, err)
					return
				}
				c.JSON(http.StatusCreated, accept(p))
			})
			g.GET("/api/posts/:id", func(c *gin.Context) {
				p, err := find(c.Param("id"))
				if err != nil {
					ginFail(c, err)
					return
				}
				c.JSON(http.StatusOK, p)
			})
			g.GET("/page", func(c *gin.Context) {
				c.Header("Content-Length", strconv.Itoa(len(page)))
				c.Data(http.StatusOK, "text/html; charset=utf-8", pageBytes)
			})
			g.GET("/api/events/:n", func(c *gin.Context) {
				n, err := strconv.Atoi(c.Param("n"))
				if err != nil {
					ginFail(c, failure(http.StatusBadRequest))
					return
				}
				for range max(n, 1) {
					c.SSEvent("post", event)
					c.Writer.Flush()
				}
				openOrFails(c.Request.Context(), n)
			})
			g.GET("/api/slow", gin.WrapF(slow(timeout)))
			g.GET("/api/panic", gin.WrapF(panics))
			g.NoRoute(func(c *gin.Context) { ginFail(c, failure(http.StatusNotFound)) })
			return overHTTP(f.around(g, timeout))
		},
	})
}

func ginFail(c *gin.Context, err error) {
	f := failureOf(err)
	c.AbortWithStatusJSON(int(f), f.body())
}
