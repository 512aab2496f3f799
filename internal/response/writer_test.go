package response_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// watched runs the handler with a Writer of its own and keeps the Writer.
func watched(into **response.Writer, h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rw := new(response.Writer)
		*into = rw
		h(rw.Init(w, r), r)
	})
}

func TestWriterStatusAndSize(t *testing.T) {
	tests := []struct {
		name      string
		method    string
		handle    http.HandlerFunc
		status    int
		written   int64
		committed bool
		complete  bool
		why       string
	}{
		{"nothing", "GET", func(w http.ResponseWriter, r *http.Request) {}, 0, 0, false, false,
			"net/http answers 200 only after the handler"},
		{"write", "GET", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }, 200, 5, true, false,
			"the first write commits; its length is not declared, so it may not be all"},
		{"declared", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Write([]byte("hello"))
		}, 200, 5, true, true, "all that was declared is there"},
		{"short", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Write([]byte("hell"))
		}, 200, 4, true, false, "one byte is missing"},
		{"head", "HEAD", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) }, 200, 0, true, true,
			"a response to HEAD ends with its header"},
		{"204", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, 204, 0, true, true,
			"204 ends with its header"},
		{"1xx first", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusTeapot)
		}, 418, 0, true, false, "an informational response commits nothing"},
		{"1xx only", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusEarlyHints) }, 0, 0, false, false,
			"the final answer is still to come"},
		{"twice", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, 201, 0, true, false,
			"the first status is the one that counts"},
		{"flush", "GET", func(w http.ResponseWriter, r *http.Request) { http.NewResponseController(w).Flush() }, 200, 0, true, false,
			"a flush sends the header"},
		{"copy", "GET", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, strings.NewReader("hello")) }, 200, 5, true, false,
			"io.Copy uses ReadFrom where there is one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				var rw *response.Writer
				resp := tr.Do(t, watched(&rw, tt.handle), httptest.NewRequest(tt.method, "/", nil))
				io.Copy(io.Discard, resp.Body)
				if rw.Status() != tt.status || rw.Written() != tt.written || rw.Committed() != tt.committed || rw.Complete() != tt.complete {
					t.Errorf("status %d, written %d, committed %t, complete %t; want %d, %d, %t, %t: %s",
						rw.Status(), rw.Written(), rw.Committed(), rw.Complete(),
						tt.status, tt.written, tt.committed, tt.complete, tt.why)
				}
			})
		})
	}
}

// TestWriterKeepsWireUnchanged compares the response through a Writer, plain and
// guarded, with the direct one.
func TestWriterKeepsWireUnchanged(t *testing.T) {
	handlers := map[string]http.HandlerFunc{
		"empty":    func(w http.ResponseWriter, r *http.Request) {},
		"sniffed":  func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") },
		"header":   func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-A", "1"); w.WriteHeader(202) },
		"implicit": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-A", "1") },
		"late":     func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); w.Header().Set("X-Late", "1") },
		"hints": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			io.WriteString(w, "done")
		},
		"trailers": func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Trailer", "X-Sum, X-Other")
			io.WriteString(w, "body")
			http.NewResponseController(w).Flush()
			h.Set("X-Sum", "42")
			h.Set(http.TrailerPrefix+"X-Undeclared", "7")
		},
		"copy": func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, strings.NewReader(strings.Repeat("x", 100_000)))
		},
	}
	for name, handle := range handlers {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				record := func(h http.Handler) string {
					outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("X-Outer", "1")
						h.ServeHTTP(w, r)
					})
					resp := tr.Do(t, outer, httptest.NewRequest("GET", "/", nil))
					body := testkit.Body(t, resp)
					var b strings.Builder
					resp.Header.Del("Date")
					resp.Header.Write(&b)
					resp.Trailer.Write(&b)
					return resp.Status + "\n" + b.String() + "\n" + body
				}
				var rw *response.Writer
				want := record(handle)
				if got := record(watched(&rw, handle)); got != want {
					t.Errorf("through a Writer:\n%s\nwithout:\n%s", got, want)
				}
				guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					rw := new(response.Writer)
					inner := rw.Init(w, r)
					rw.Guard(new(response.Guard), nil)
					handle(inner, r)
					was, _ := rw.Settle()
					rw.Finish(was, true)
				})
				if got := record(guarded); got != want {
					t.Errorf("through a guard:\n%s\nwithout:\n%s", got, want)
				}
			})
		})
	}
}

func TestWriterMethodSets(t *testing.T) {
	type has struct{ flusher, hijacker, readerFrom bool }
	of := func(w http.ResponseWriter) (h has) {
		_, h.flusher = w.(http.Flusher)
		_, h.hijacker = w.(http.Hijacker)
		_, h.readerFrom = w.(io.ReaderFrom)
		if _, ok := w.(io.StringWriter); !ok {
			t.Error("no io.StringWriter")
		}
		if _, ok := w.(interface{ Unwrap() http.ResponseWriter }); !ok {
			t.Error("no Unwrap")
		}
		return h
	}
	want := map[string]map[string]has{
		"recorder": {
			"none": {true, false, false}, "counting": {true, false, false}, "buffering": {true, false, false},
			"unwrapping": {true, false, false}, "bare": {},
		},
		"http1": {
			"none": {true, true, true}, "counting": {true, true, true}, "buffering": {true, true, true},
			"unwrapping": {true, true, true}, "bare": {},
		},
		"http2": {
			"none": {true, false, false}, "counting": {true, false, false}, "buffering": {true, false, false},
			"unwrapping": {true, false, false}, "bare": {},
		},
	}
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		for name, foreign := range testkit.Foreign() {
			var got has
			h := foreign(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, w = response.Wrap(w, r)
				got = of(w)
				if err := http.NewResponseController(w).Flush(); err != nil && got.flusher {
					t.Errorf("%s: Flush: %v", name, err)
				} else if err == nil && !got.flusher {
					t.Errorf("%s: the Writer has no Flusher, but flushing works", name)
				} else if err != nil && !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("%s: Flush: %v, want ErrNotSupported", name, err)
				}
			}))
			tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
			if got != want[tr.Name][name] {
				t.Errorf("inside %q: %+v, want %+v", name, got, want[tr.Name][name])
			}
		}
	})
}

// A claiming writer has a Hijack on every protocol, as wrappers for HTTP/1 do.
type claiming struct{ http.ResponseWriter }

func (w claiming) Unwrap() http.ResponseWriter { return w.ResponseWriter }
func (w claiming) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// TestWriterMethodSetsByProtocol: HTTP/2 has a push and no connection to hijack,
// whatever methods the writers outside have.
func TestWriterMethodSetsByProtocol(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		tr.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, w = response.Wrap(claiming{w}, r)
			_, hijacks := w.(http.Hijacker)
			_, pushes := w.(http.Pusher)
			_, tells := w.(http.CloseNotifier) //lint:ignore SA1019 gin and others assert it
			if on2 := r.ProtoMajor == 2; hijacks == on2 || pushes != on2 || !tells {
				t.Errorf("%s: http.Hijacker %t, http.Pusher %t, http.CloseNotifier %t", r.Proto, hijacks, pushes, tells)
			}
		}), httptest.NewRequest("GET", "/", nil))
	})
}

// TestFlushUnsupportedCommitsNothing: if no writer can flush, the header is not sent,
// and an error response is still possible.
func TestFlushUnsupportedCommitsNothing(t *testing.T) {
	rw, w := response.Wrap(testkit.Bare{ResponseWriter: httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		t.Fatalf("Flush: %v", err)
	}
	if rw.Committed() {
		t.Error("committed by a flush that did nothing")
	}
}

// cookieJar is a layer that adds header fields at the first write, as session managers
// do, and ignores flushes.
type cookieJar struct{ http.ResponseWriter }

func (w cookieJar) Unwrap() http.ResponseWriter { return w.ResponseWriter }
func (w cookieJar) WriteHeader(status int) {
	w.Header().Set("Set-Cookie", "session=1")
	w.ResponseWriter.WriteHeader(status)
}

// TestFlushShowsHeaderToLayersOutside: a flush that sends the header bypasses layers
// without a Flush, which see the header first.
func TestFlushShowsHeaderToLayersOutside(t *testing.T) {
	server := httptest.NewRecorder()
	rw, w := response.Wrap(cookieJar{server}, httptest.NewRequest("GET", "/", nil))
	if err := http.NewResponseController(w).Flush(); err != nil {
		t.Fatal(err)
	}
	if got := server.Result(); got.Header.Get("Set-Cookie") == "" || got.StatusCode != 200 || rw.Status() != 200 || !server.Flushed {
		t.Errorf("%s %v, flushed %t", got.Status, got.Header, server.Flushed)
	}
}

// TestFlushUnderPlainWriter: a plain Writer always has FlushError, and must not pass
// for a writer that can flush.
func TestFlushUnderPlainWriter(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	_, plain := response.Wrap(testkit.Bare{ResponseWriter: httptest.NewRecorder()}, r)
	rw, w := response.Wrap(testkit.Unwrapping{ResponseWriter: plain}, r)
	if _, ok := w.(http.Flusher); ok {
		t.Error("shows a Flusher where nothing flushes")
	}
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) || rw.Committed() {
		t.Errorf("Flush: %v, committed %t", err, rw.Committed())
	}
}

func TestWrapJoinsAdjacentWriters(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	server := httptest.NewRecorder()
	outer, w := response.Wrap(server, r)
	if inner, w2 := response.Wrap(w, r); inner != outer || w2 != w {
		t.Error("adjacent layers do not share their Writer")
	}
	for name, foreign := range map[string]http.ResponseWriter{
		"unwrapping": testkit.Unwrapping{ResponseWriter: w},
		"buffering":  &testkit.Buffering{ResponseWriter: w},
		"bare":       testkit.Bare{ResponseWriter: w},
	} {
		inner, w2 := response.Wrap(foreign, r)
		if inner == outer {
			t.Errorf("%s: joined past a foreign wrapper", name)
		}
		if w2.(interface{ Unwrap() http.ResponseWriter }).Unwrap() != foreign {
			t.Errorf("%s: does not write to the foreign wrapper", name)
		}
	}

	inner, w2 := response.Wrap(testkit.Unwrapping{ResponseWriter: w}, r)
	if response.Stream(w2); !inner.Streaming() || !outer.Streaming() {
		t.Errorf("a stream for the inner Writer %t, for the outer %t", inner.Streaming(), outer.Streaming())
	}
	if found, ok := response.Find[*httptest.ResponseRecorder](w2); !ok || found != server {
		t.Error("the way to the server is lost")
	}
}

// TestWrapKeepsForeignBuffers: bytes written inside a buffering middleware must stay in
// its buffer.
func TestWrapKeepsForeignBuffers(t *testing.T) {
	server := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	_, outer := response.Wrap(server, r)
	buf := &testkit.Buffering{ResponseWriter: outer}
	_, w := response.Wrap(buf, r)
	w.WriteHeader(201)
	io.WriteString(w, "held back")
	io.Copy(w, strings.NewReader(", all of it"))
	if server.Body.Len() != 0 {
		t.Fatalf("%q went past the buffer", server.Body)
	}
	buf.Send()
	if server.Code != 201 || server.Body.String() != "held back, all of it" {
		t.Errorf("%d %q", server.Code, server.Body)
	}
}

func TestBeforeCommit(t *testing.T) {
	server := httptest.NewRecorder()
	rw, w := response.Wrap(server, httptest.NewRequest("GET", "/", nil))
	var order []string
	rw.BeforeCommit(func(status int) {
		order = append(order, "outer")
		w.Header().Set("X-Status", http.StatusText(status))
	})
	rw.BeforeCommit(func(int) { order = append(order, "inner") })
	w.WriteHeader(http.StatusEarlyHints)
	w.WriteHeader(http.StatusCreated)
	w.Write([]byte("x"))
	if got := strings.Join(order, " "); got != "inner outer" {
		t.Errorf("ran %q, want once each, inner first", got)
	}
	if server.Header().Get("X-Status") != "Created" {
		t.Errorf("header %v: the hook came too late", server.Header())
	}
}

func TestBudget(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		write  func(w http.ResponseWriter)
		body   string
		asked  int64 // the size that was rejected, 0 for none
		commit bool
		why    string
	}{
		{"exact", func(w http.ResponseWriter) { io.WriteString(w, "0123456789") }, "0123456789", 0, false, "the limit itself passes"},
		{"one over", func(w http.ResponseWriter) { io.WriteString(w, "0123456789a") }, "", 11, false, "refused while nothing is out"},
		{"second write", func(w http.ResponseWriter) { w.Write([]byte("01234")); w.Write([]byte("56789a")) }, "01234", 11, true, "the first part is out"},
		{"declared", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "11")
			w.WriteHeader(200)
			io.WriteString(w, "0123456789a")
		}, "", 11, false, "known before the header is out"},
		{"not modified", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "11"); w.WriteHeader(304) }, "", 0, false,
			"a 304 may state the length of what it does not send"},
		{"event stream", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "Text/Event-Stream; charset=utf-8")
			io.WriteString(w, "data: 0123456789\n\n")
		}, "data: 0123456789\n\n", 0, false, "streams have no size"},
		{"copy", func(w http.ResponseWriter) { io.Copy(w, strings.NewReader("0123456789a")) }, "0123456789", 11, true, "a copy stops at the limit"},
		{"copy exact", func(w http.ResponseWriter) { io.Copy(w, strings.NewReader("0123456789")) }, "0123456789", 0, false, "and may reach it"},
		{"copyN of a file", func(w http.ResponseWriter) {
			f, _ := os.Open(file)
			defer f.Close()
			io.CopyN(w, f, 11)
		}, "0123456789", 11, true, "the reader that io.CopyN makes is narrowed"},
		{"copyN within", func(w http.ResponseWriter) {
			f, _ := os.Open(file)
			defer f.Close()
			io.CopyN(w, f, 4)
			io.CopyN(w, f, 6)
		}, "0123456789", 0, false, "both parts fit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				var asked int64
				var committed bool
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					rw, w := response.Wrap(w, r)
					rw.SetBudget(&response.Budget{Max: 10, Exceeded: func(rw *response.Writer, _ *http.Request, size int64) {
						asked, committed = size, rw.Sent()
						rw.Header().Del("Content-Length")
					}}, r)
					tt.write(w)
					if _, err := w.Write(nil); (asked != 0) != errors.Is(err, response.ErrTooLarge) {
						t.Errorf("a write after the end returns %v", err)
					}
				})
				resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
				var body string
				if resp.StatusCode != http.StatusNotModified {
					body = testkit.Body(t, resp)
				}
				// Without ReadFrom, io.Copy writes in one call, so a copy is rejected
				// as a whole, like any write.
				if strings.HasPrefix(tt.name, "copy") && tt.asked != 0 && body == "" {
					if asked <= 10 || committed {
						t.Errorf("refused %d, committed %t: %s", asked, committed, tt.why)
					}
					return
				}
				if body != tt.body || asked != tt.asked || committed != tt.commit {
					t.Errorf("body %q, refused %d, committed %t; want %q, %d, %t: %s", body, asked, committed, tt.body, tt.asked, tt.commit, tt.why)
				}
			})
		})
	}
}

func TestWriterHijack(t *testing.T) {
	for name, foreign := range testkit.Foreign() {
		if name == "bare" || name == "buffering" {
			continue // the one cannot, the other writes after the handler
		}
		t.Run(name, func(t *testing.T) {
			var rw *response.Writer
			h := foreign(watched(&rw, func(w http.ResponseWriter, r *http.Request) {
				// As gorilla/websocket does, not through a controller.
				conn, buf, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Errorf("Hijack: %v", err)
					return
				}
				defer conn.Close()
				speak(buf)
			}))
			resp := testkit.HTTP1.Do(t, h, httptest.NewRequest("GET", "/", nil))
			if got := testkit.Body(t, resp); got != "mine" {
				t.Errorf("body %q", got)
			}
			if !rw.Hijacked() || !rw.Committed() {
				t.Error("the Writer does not know that the connection is gone")
			}
		})
	}
}

func speak(buf *bufio.ReadWriter) {
	io.WriteString(buf, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
	buf.Flush()
}

func TestWriterAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	server, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	if got := testing.AllocsPerRun(100, func() {
		_, w := response.Wrap(server, r)
		_, w = response.Wrap(w, r)
		response.Wrap(w, r)
	}); got > 1 {
		t.Errorf("%v allocations for three adjacent layers, want 1", got)
	}
}

// TestWriterShortWrite: a writer that silently writes less than it was given would make
// part of a stream pass for the whole.
func TestWriterShortWrite(t *testing.T) {
	for name, write := range map[string]func(http.ResponseWriter) (int, error){
		"bytes":  func(w http.ResponseWriter) (int, error) { return w.Write([]byte("whole")) },
		"string": func(w http.ResponseWriter) (int, error) { return io.WriteString(w, "whole") },
	} {
		for _, guarded := range []bool{false, true} {
			rw := new(response.Writer)
			w := rw.Init(hungry{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
			if guarded { // it gets the error later
				rw.Guard(new(response.Guard), nil)
				if n, err := write(w); n != 5 || err != nil {
					t.Errorf("%s, guarded: %d, %v", name, n, err)
				}
				if was, _ := rw.Settle(); rw.Finish(was, true) != io.ErrShortWrite {
					t.Errorf("%s, guarded: the end says nothing of it", name)
				}
				continue
			}
			if n, err := write(w); n != 4 || err != io.ErrShortWrite || rw.Written() != 4 {
				t.Errorf("%s, guarded %t: %d, %v, %d counted", name, guarded, n, err, rw.Written())
			}
		}
	}
}

// hungry swallows the last byte of each write.
type hungry struct{ http.ResponseWriter }

func (w hungry) Write(p []byte) (int, error) { return w.ResponseWriter.Write(p[:len(p)-1]) }
