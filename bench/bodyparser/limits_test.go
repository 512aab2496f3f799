package bodyparser_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/render"
	"github.com/gofiber/fiber/v3"
	"github.com/labstack/echo/v5"
	echomiddleware "github.com/labstack/echo/v5/middleware"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

// small is what the servers of the conformance table decode, within a kibibyte.
type small struct {
	A string `json:"a"`
}

func (*small) Bind(*http.Request) error { return nil }

const kibibyte = 1 << 10

// servers returns what the documentation of each suggests for a bounded JSON
// body. The answer has what became of "a".
func servers() map[string]func(net.Listener) (stop func() error) {
	over := func(h http.Handler) func(net.Listener) func() error {
		return func(l net.Listener) func() error {
			server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
			go server.Serve(l)
			return server.Close
		}
	}

	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.POST("/", func(c *gin.Context) {
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

	e := echo.New()
	e.Use(echomiddleware.BodyLimit(kibibyte))
	e.POST("/", func(c *echo.Context) error {
		var v small
		if err := c.Bind(&v); err != nil {
			return err
		}
		return c.String(200, v.A)
	})

	m := chi.NewRouter()
	m.Use(middleware.RequestSize(kibibyte))
	m.Post("/", func(w http.ResponseWriter, r *http.Request) {
		var v small
		if err := render.Bind(r, &v); err != nil {
			status := 400
			if strings.Contains(err.Error(), "too large") {
				status = 413
			}
			w.WriteHeader(status)
			return
		}
		io.WriteString(w, v.A)
	})

	return map[string]func(net.Listener) func() error{
		"kit": over(bind.HandlerWith(bind.Config{Parser: bodyparser.Config{Limit: kibibyte}},
			func(w http.ResponseWriter, r *http.Request, v small) error {
				_, err := io.WriteString(w, v.A)
				return err
			})),
		"kit, unique keys": over(bind.HandlerWith(bind.Config{Parser: bodyparser.Config{Limit: kibibyte, UniqueKeys: true}},
			func(w http.ResponseWriter, r *http.Request, v small) error {
				_, err := io.WriteString(w, v.A)
				return err
			})),
		"gin + MaxBytesReader": over(g),
		"echo + BodyLimit":     over(e),
		"chi RequestSize":      over(m),
		"huma":                 over(humaSmall(kibibyte)),
		"fiber": func(l net.Listener) func() error {
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
		},
	}
}

// TestLimits sends the same bodies to all of them over connections. With
// -report it prints the table; without, it holds the kit to its column.
func TestLimits(t *testing.T) {
	pad := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	cases := []struct {
		name    string
		body    string
		chunked bool
		kit     string
	}{
		{"exactly the limit", pad(kibibyte), false, "200"},
		{"exactly the limit, chunked", pad(kibibyte), true, "200"},
		{"one byte more", pad(kibibyte + 1), false, "413+"},
		{"one byte more, chunked", pad(kibibyte + 1), true, "413+"},
		{"a value, then 10 KB", `{"a":"x"}` + strings.Repeat(" ", 10<<10), false, "413+"},
		{"the same, chunked", `{"a":"x"}` + strings.Repeat(" ", 10<<10), true, "413+"},
		{"a value, then a little garbage", `{"a":"x"} y`, false, "400"},
		{"a key twice", `{"a":"x","a":"y"}`, false, "200 y"},
		{"a key in capitals", `{"A":"x"}`, false, "200 x"},
		{"invalid UTF-8", "{\"a\":\"x\xff\"}", false, "400"},
		{"half the declared body", `{"a":"x"}`, false, "400"},
		{"no body", "", false, "200"},
	}
	names := []string{"kit", "kit, unique keys", "gin + MaxBytesReader", "echo + BodyLimit", "chi RequestSize", "huma", "fiber"}
	out := tabwriter.NewWriter(io.Discard, 0, 0, 2, ' ', tabwriter.Debug)
	if *report {
		out = tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.Debug)
	}
	defer out.Flush()
	fmt.Fprintf(out, "limit 1 KiB (+ closes the connection)\t%s\t\n", strings.Join(names, "\t"))
	rows := make([][]string, len(cases))
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		stop := servers()[name](l)
		for i, c := range cases {
			got := "-"
			if name != "fiber" || !c.chunked { // which reads chunked bodies elsewhere
				got = send(t, l.Addr().String(), c.body, c.chunked, c.name == "half the declared body")
			}
			rows[i] = append(rows[i], got)
			if name == "kit" && got != c.kit && !strings.HasPrefix(got, c.kit+" ") {
				t.Errorf("%s: %s, want %s", c.name, got, c.kit)
			}
		}
		stop()
	}
	for i, c := range cases {
		fmt.Fprintf(out, "%s\t%s\t\n", c.name, strings.Join(rows[i], "\t"))
	}
}

// send returns the status, a plus if the connection closes behind it, and what
// was answered if it is short.
func send(t *testing.T, addr, body string, chunked, half bool) string {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(3 * time.Second))
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
	switch {
	case chunked:
		fmt.Fprintf(conn, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	case half:
		fmt.Fprintf(conn, "Content-Length: %d\r\n\r\n%s", 2*len(body), body)
		conn.(*net.TCPConn).CloseWrite()
	default:
		fmt.Fprintf(conn, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "none"
	}
	text, _ := io.ReadAll(resp.Body)
	got := fmt.Sprint(resp.StatusCode)
	if resp.Close && !half {
		got += "+"
	}
	if len(text) > 0 && len(text) < 5 && resp.StatusCode == 200 {
		got += " " + string(text)
	}
	return got
}
