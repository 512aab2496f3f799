package bodyparser

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

var ginBinder = over("gin", "github.com/gin-gonic/gin", func() http.Handler { return ginOrders(limit) })

func ginOrders(max int64) http.Handler {
	return ginEngine(func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, max)
		o := new(order)
		err := c.ShouldBindJSON(o)
		got(o)
		answer(c.Writer, err)
	})
}

func ginEngine(h gin.HandlerFunc) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.POST("/", h)
	return g
}

func ginSmall() http.Handler {
	return ginEngine(func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, kibibyte)
		var v small
		if err := c.ShouldBindJSON(&v); err != nil {
			status := 400
			if strings.Contains(err.Error(), "too large") {
				status = 413
			}
			c.String(status, "")
			return
		}
		c.String(200, "%s", v.A)
	})
}

func ginForm(max int64) http.Handler {
	return ginEngine(func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, max)
		answer(c.Writer, c.ShouldBind(new(cart)))
	})
}
