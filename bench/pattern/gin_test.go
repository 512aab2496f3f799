package pattern_test

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

var ginEngine = router{"gin", false, func(routes []route, read string) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	m := gin.New()
	m.NoRoute(func(c *gin.Context) { c.Status(http.StatusOK) })
	for _, r := range routes {
		h := func(*gin.Context) {}
		if read != "" {
			h = func(c *gin.Context) { ran(r.path, c.Param(read)) }
		}
		m.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}
