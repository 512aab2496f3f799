package middleware_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/middleware"
)

// A call is one that a handler may make on its response, with its result.
type call struct {
	name string
	do   func(http.ResponseWriter, *http.Request) (int64, error)
}

func set(name, value string) call {
	return call{name + ": " + value, func(w http.ResponseWriter, r *http.Request) (int64, error) {
		w.Header().Set(name, value)
		return 0, nil
	}}
}

// calls returns all the calls of handlers in TestChainKeepsWireUnchanged.
func calls(t *testing.T) (all []call) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, bytes.Repeat([]byte("file "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{100, 101, 103, 200, 200, 204, 205, 304, 404, 500} {
		all = append(all, call{fmt.Sprint("WriteHeader ", status), func(w http.ResponseWriter, r *http.Request) (int64, error) {
			w.WriteHeader(status)
			return 0, nil
		}})
	}
	// At about 512 bytes net/http sniffs the type, at about 2048 it sends.
	for _, size := range []int{0, 1, 100, 511, 513, 2047, 2048, 2049, 5000} {
		all = append(all,
			call{fmt.Sprint("Write ", size), func(w http.ResponseWriter, r *http.Request) (int64, error) {
				n, err := w.Write(bytes.Repeat([]byte("<"), size))
				return int64(n), err
			}},
			call{fmt.Sprint("WriteString ", size), func(w http.ResponseWriter, r *http.Request) (int64, error) {
				n, err := io.WriteString(w, strings.Repeat("s", size))
				return int64(n), err
			}})
	}
	copying := func(name string, src func() io.Reader) call {
		return call{"Copy " + name, func(w http.ResponseWriter, r *http.Request) (int64, error) { return io.Copy(w, src()) }}
	}
	return append(all,
		set("X-A", "1"), set("Content-Length", "100"), set("Content-Length", "5000"), set("Content-Length", "0"),
		set("Trailer", "X-T"), set("X-T", "t"), set(http.TrailerPrefix+"X-U", "u"), set("Content-Type", "text/event-stream"),
		set("Content-Encoding", "gzip"), set("Transfer-Encoding", "chunked"), set("Connection", "close"),
		call{"no Content-Type", func(w http.ResponseWriter, r *http.Request) (int64, error) {
			w.Header()["Content-Type"] = nil
			return 0, nil
		}},
		call{"no X-A", func(w http.ResponseWriter, r *http.Request) (int64, error) { w.Header().Del("X-A"); return 0, nil }},
		call{"Flush", func(w http.ResponseWriter, r *http.Request) (int64, error) {
			return 0, http.NewResponseController(w).Flush()
		}},
		copying("some", func() io.Reader { return io.LimitReader(strings.NewReader(strings.Repeat("r", 3000)), 2500) }),
		copying("nothing", func() io.Reader { return io.LimitReader(strings.NewReader(""), 10) }),
		call{"ServeFile", func(w http.ResponseWriter, r *http.Request) (int64, error) { http.ServeFile(w, r, file); return 0, nil }},
		call{"read the body", func(w http.ResponseWriter, r *http.Request) (int64, error) { return io.Copy(io.Discard, r.Body) }},
	)
}

// declares reports whether a call declares the length of the body.
func declares(c call) bool {
	return c.name == "ServeFile" || strings.HasPrefix(c.name, "Content-Length")
}

// TestChainKeepsWireUnchanged compares what handlers send, and the results they get,
// with and without this module, for programs of calls drawn at random but the same in
// every run. Only the sizes of chunks may differ.
func TestChainKeepsWireUnchanged(t *testing.T) {
	all, programs := calls(t), 1000
	if testing.Short() {
		programs = 100
	}
	var program []call
	var told []string
	returned := make(chan struct{}, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range program {
			n, err := c.do(w, r)
			told = append(told, fmt.Sprintf("%s: %d %v", c.name, n, err))
		}
	})
	quiet := slog.New(slog.DiscardHandler)
	timeout := middleware.Timeout(time.Hour)
	chains := map[string]alice.Chain{
		"nothing":  alice.New(),
		"Timeout":  alice.New(timeout),
		"two":      alice.New(timeout, timeout),
		"Recover":  alice.New(middleware.Recover(quiet)),
		"together": alice.New(middleware.Recover(quiet), middleware.ResponseLimit(0), timeout),
	}
	addresses := make(map[string]string)
	for name, chain := range chains {
		h := chain.Then(handler)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { returned <- struct{}{} }()
			h.ServeHTTP(w, r)
		}))
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // of net/http, about the errors of the programs
		server.Start()
		t.Cleanup(server.Close)
		addresses[name] = server.Listener.Addr().String()
	}
	rnd := rand.New(rand.NewSource(1))
	requests := []string{
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
		"GET / HTTP/1.0\r\nHost: x\r\n\r\n",
	}
	for range programs {
		request := requests[rnd.Intn(len(requests))]
		program = nil
		for range 1 + rnd.Intn(5) {
			c := all[rnd.Intn(len(all))]
			switch {
			case strings.HasSuffix(request, "1.0\r\nHost: x\r\n\r\n") && (c.name == "WriteHeader 100" || c.name == "WriteHeader 103"):
				continue // this module sends none to HTTP/1.0, net/http does
			case strings.HasPrefix(c.name, "Copy") && slices.ContainsFunc(program, declares):
				continue // net/http copies more than that
			}
			program = append(program, c)
		}
		outcome := func(name string) string {
			told = nil
			wire := sendRaw(t, addresses[name], request)
			<-returned
			return wire + "\ntold " + strings.Join(told, "; ")
		}
		want := outcome("nothing")
		for name := range chains {
			if got := outcome(name); got != want {
				t.Errorf("through %s: %s%s\nwithout: %s", name, request, got, want)
			}
		}
	}
}

// sendRaw sends the request, and describes the responses in words.
func sendRaw(t *testing.T, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	var text strings.Builder
	for in := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				fmt.Fprint(&text, err)
			}
			return text.String()
		}
		resp.Header.Del("Date")
		body, err := io.ReadAll(resp.Body)
		fmt.Fprintf(&text, "%s %v length %d %v close %t trailer %v body %d %.20q %v\n", resp.Status, resp.Header,
			resp.ContentLength, resp.TransferEncoding, resp.Close, resp.Trailer, len(body), body, err)
	}
}
