package bodyparser_test

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func ginEngine() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.POST("/", func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, limit)
		o := new(order)
		answer(c.Writer, c.ShouldBindJSON(o))
	})
	return g
}

func ginBinder() rival { return over("gin", ginEngine()) }
