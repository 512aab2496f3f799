package pattern

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

var ginEngine = router{"gin", native, "github.com/gin-gonic/gin", func(routes []route) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	m := gin.New()
	m.NoRoute(func(c *gin.Context) { c.Status(http.StatusOK) })
	for _, r := range routes {
		h := func(*gin.Context) {}
		if r.read != "" {
			h = func(c *gin.Context) { ran(r.path, c.Param(r.read)) }
		}
		m.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}
