package bodyparser

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bodyparser"
)

// small is the document of the conformance table, with a limit of 1 KiB.
type small struct {
	A string `json:"a"`
}

const kibibyte = 1 << 10

// servers read a size-limited JSON body as the documentation of each suggests. The
// response has the value of "a".
var servers = []struct {
	name  string
	serve func(net.Listener) (stop func() error)
}{
	{"kit", listen(kitSmall(bodyparser.Config{}))},
	{"kit, unique keys", listen(kitSmall(bodyparser.Config{UniqueKeys: true}))},
	{"gin + MaxBytesReader", listen(ginSmall())},
	{"echo + BodyLimit", listen(echoSmall())},
	{"chi RequestSize", listen(chiSmall())},
	{"huma", listen(humaSmall())},
	{"fiber", fiberSmall},
}

func listen(h http.Handler) func(net.Listener) func() error {
	return func(l net.Listener) func() error {
		server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
		go server.Serve(l)
		return server.Close
	}
}

// limits sends the same bodies to all servers over connections.
var limits = compare.Finding{
	Name: "Limits",
	Text: "What becomes of bodies around a limit of 1 KiB, and of bodies that are not quite right. A plus says that the connection closes, " +
		"and a letter what was decoded.",
	Find: func(bool) (compare.Table, error) {
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
			{half, `{"a":"x"}`, false, "400"},
			{"no body", "", false, "200"},
		}
		table := compare.Table{Columns: []string{"body"}}
		var wrong []error
		rows := make([][]any, len(cases))
		for i, c := range cases {
			rows[i] = []any{c.name}
		}
		for _, server := range servers {
			table.Columns = append(table.Columns, server.name)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return table, err
			}
			stop := server.serve(l)
			for i, c := range cases {
				got := "-"
				if server.name != "fiber" || !c.chunked { // which reads chunked bodies elsewhere
					got, err = send(l.Addr().String(), c.body, c.chunked, c.name == half)
				}
				if err != nil {
					wrong = append(wrong, err)
				}
				rows[i] = append(rows[i], got)
				if server.name == "kit" && got != c.kit && !strings.HasPrefix(got, c.kit+" ") {
					wrong = append(wrong, fmt.Errorf("%s: %s, want %s", c.name, got, c.kit))
				}
			}
			if err := stop(); err != nil {
				wrong = append(wrong, err)
			}
		}
		for _, row := range rows {
			table.Row(row...)
		}
		return table, errors.Join(wrong...)
	},
}

const half = "half the declared body"

// send returns the status, a plus if the connection closes after it, and the body if it is short.
func send(addr, body string, chunked, half bool) (string, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
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
		return "none", nil
	}
	text, _ := io.ReadAll(resp.Body)
	got := fmt.Sprint(resp.StatusCode)
	if resp.Close && !half {
		got += "+"
	}
	if len(text) > 0 && len(text) < 5 && resp.StatusCode == 200 {
		got += " " + string(text)
	}
	return got, nil
}
