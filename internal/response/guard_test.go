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
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
)

// guarded serves h with a guard, and runs control concurrently, which takes the response
// by calling cut. That returns after the response was handled, with its phase before.
func guarded(h http.HandlerFunc, control func(rw *response.Writer, cut func() response.Phase)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := &owner{detached: r.ProtoMajor >= 2, done: make(chan struct{})}
		inner := o.Init(w, r)
		o.Guard(&o.guard, o)
		var wg sync.WaitGroup
		wg.Go(func() { control(&o.Writer, o.take) })
		defer func() {
			wg.Wait()
			if was, ok := o.Settle(); ok {
				o.Finish(was, true)
				return
			}
			<-o.done
			if o.cut {
				panic(http.ErrAbortHandler)
			}
		}()
		h(inner, r)
	})
}

// An owner handles what it takes as middleware.Timeout does.
type owner struct {
	response.Writer
	guard    response.Guard
	detached bool
	cut      bool
	was      response.Phase
	done     chan struct{}
}

func (o *owner) take() response.Phase {
	for {
		look := o.guard.Look()
		if look.Over() {
			return look.Phase()
		}
		switch o.guard.Take(look) {
		case response.Mine:
			o.Taken(look.Phase())
			return o.was
		case response.Inside:
			o.Hurry(50 * time.Millisecond)
			<-o.done
			return o.was
		}
	}
}

func (o *owner) Taken(was response.Phase) {
	defer close(o.done)
	o.was = was
	rc := http.NewResponseController(o.Unwrap())
	switch {
	case was == response.Sent && o.Complete():
		_ = rc.Flush()
	case was == response.Sent:
		o.cut = true
		o.CutOff(!o.detached)
	default:
		_ = rc.SetReadDeadline(time.Unix(1, 0))
		o.Restore(was)
		timeout(o.Unwrap())
		_ = rc.Flush()
	}
}

func timeout(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "4")
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusGatewayTimeout)
	io.WriteString(w, "late")
}

func TestGuardTakenBeforeCommit(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		cut := make(chan struct{})
		h := guarded(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Handler", "1")
			if tr.Name != testkit.Recorder.Name { // which treats any 1xx as the final status
				w.WriteHeader(http.StatusEarlyHints)
			}
			<-cut
			w.Header().Set("X-Late", "1")
			w.WriteHeader(200)
			if _, err := io.WriteString(w, "on time?"); err != http.ErrHandlerTimeout {
				t.Errorf("Write: %v, want ErrHandlerTimeout", err)
			}
			rc := http.NewResponseController(w)
			for name, err := range map[string]error{
				"Flush":            rc.Flush(),
				"SetReadDeadline":  rc.SetReadDeadline(time.Time{}),
				"SetWriteDeadline": rc.SetWriteDeadline(time.Time{}),
				"EnableFullDuplex": rc.EnableFullDuplex(),
			} {
				if err != http.ErrHandlerTimeout {
					t.Errorf("%s: %v, want ErrHandlerTimeout", name, err)
				}
			}
			if h, ok := w.(http.Hijacker); ok {
				if _, _, err := h.Hijack(); err != http.ErrHandlerTimeout {
					t.Errorf("Hijack: %v, want ErrHandlerTimeout", err)
				}
			}
			if rf, ok := w.(io.ReaderFrom); ok {
				if _, err := rf.ReadFrom(strings.NewReader("x")); err != http.ErrHandlerTimeout {
					t.Errorf("ReadFrom: %v, want ErrHandlerTimeout", err)
				}
			}
		}, func(_ *response.Writer, take func() response.Phase) {
			defer close(cut)
			if was := take(); was != response.Open {
				t.Errorf("taken in phase %d, want Open: a 1xx commits nothing", was)
			}
		})
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
		if body := testkit.Body(t, resp); resp.StatusCode != 504 || body != "late" {
			t.Errorf("%d %q", resp.StatusCode, body)
		}
		if resp.Header.Get("X-Handler") != "" || resp.Header.Get("X-Late") != "" {
			t.Errorf("the handler's header is in another's answer: %v", resp.Header)
		}
	})
}

func TestGuardTakenAfterCommit(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		started, cut := make(chan struct{}), make(chan struct{})
		h := guarded(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			close(started)
			<-cut
			if _, err := io.WriteString(w, " whole"); err != http.ErrHandlerTimeout {
				t.Errorf("Write: %v", err)
			}
		}, func(_ *response.Writer, take func() response.Phase) {
			<-started
			defer close(cut)
			if was := take(); was != response.Sent {
				t.Errorf("taken in phase %d, want Sent", was)
			}
		})
		client, url := tr.Serve(t, h)
		resp, err := client.Get(url)
		if err != nil {
			return // cut before the header was sent: not a clean response either
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil {
			t.Errorf("the client takes %q for a whole response", body)
		}
		if strings.Contains(string(body), "late") || strings.Contains(string(body), "whole") {
			t.Errorf("body %q: something was appended", body)
		}
	})
}

// TestGuardKeepsCompleteResponse: a handler that has sent all it declared, and keeps
// working, has responded in time.
func TestGuardKeepsCompleteResponse(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		sent, read := make(chan struct{}), make(chan struct{})
		h := guarded(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "whole")
			close(sent)
			<-read
		}, func(rw *response.Writer, take func() response.Phase) {
			<-sent
			if was := take(); was != response.Sent || !rw.Complete() {
				t.Errorf("taken in phase %d, want Sent, and whole", was)
			}
		})
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
		body := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, body); err != nil || string(body) != "whole" {
			t.Errorf("%q, %v", body, err)
		}
		close(read)
	})
}

// TestGuardFreesStuckHandler: a handler that waits for a body that does not arrive holds
// no lock, one that waits for a client that does not read does.
func TestGuardFreesStuckHandler(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		t.Run("reading", func(t *testing.T) {
			entered := make(chan struct{})
			h := guarded(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				if _, err := io.ReadAll(r.Body); err == nil {
					t.Error("read a body that never came")
				}
			}, func(_ *response.Writer, take func() response.Phase) {
				<-entered
				take()
			})
			body, end := io.Pipe()
			defer end.Close()
			r := httptest.NewRequest("POST", "/", body)
			r.ContentLength = 10
			resp := tr.Do(t, h, r)
			if resp.StatusCode != 504 {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
		t.Run("writing", func(t *testing.T) {
			entered := make(chan struct{})
			h := guarded(func(w http.ResponseWriter, r *http.Request) {
				chunk := make([]byte, 1<<20)
				for i := 0; ; i++ {
					if i == 1 {
						close(entered)
					}
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			}, func(_ *response.Writer, take func() response.Phase) {
				<-entered
				take()
			})
			client, url := tr.Serve(t, h)
			resp, err := client.Get(url)
			if err != nil {
				return
			}
			defer resp.Body.Close()
			if n, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Errorf("%d bytes, taken for whole", n)
			}
		})
	})
}

func TestGuardLeavesHijackedConnection(t *testing.T) {
	taken, cut := make(chan struct{}), make(chan struct{})
	h := guarded(func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		close(taken)
		<-cut
		speak(buf)
	}, func(_ *response.Writer, take func() response.Phase) {
		<-taken
		defer close(cut)
		if was := take(); was != response.Foreign {
			t.Errorf("phase %d, want Foreign: the connection is not ours", was)
		}
	})
	resp := testkit.HTTP1.Do(t, h, httptest.NewRequest("GET", "/", nil))
	if got := testkit.Body(t, resp); got != "mine" {
		t.Errorf("body %q", got)
	}
}

// TestGuardTakenWhileHeld: the bytes held back were not sent, so another complete
// response is possible.
func TestGuardTakenWhileHeld(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		wrote, cut := make(chan struct{}), make(chan struct{})
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Outer", "1")
			guarded(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Handler", "1")
				w.Header().Del("X-Outer")
				io.WriteString(w, "a part of it")
				close(wrote)
				<-cut
			}, func(_ *response.Writer, take func() response.Phase) {
				<-wrote
				defer close(cut)
				if was := take(); was != response.Held {
					t.Errorf("taken in phase %d, want Held", was)
				}
			}).ServeHTTP(w, r)
		})
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
		if body := testkit.Body(t, resp); resp.StatusCode != 504 || body != "late" || resp.Header.Get("X-Handler") != "" || resp.Header.Get("X-Outer") != "1" {
			t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
		}
	})
}

// TestGuardIsRaceFree runs a handler that never stops against a cut, for the race
// detector.
func TestGuardIsRaceFree(t *testing.T) {
	for range 50 {
		rec := httptest.NewRecorder()
		func() {
			defer func() { _ = recover() }()
			guarded(func(w http.ResponseWriter, r *http.Request) {
				for range 100 {
					w.Header().Set("X-A", "1")
					w.WriteHeader(200)
					if _, err := w.Write([]byte("x")); errors.Is(err, http.ErrHandlerTimeout) {
						w.Header().Set("X-B", "2")
					}
					_ = http.NewResponseController(w).Flush()
				}
			}, func(_ *response.Writer, take func() response.Phase) { take() }).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		}()
		if body := rec.Body.String(); rec.Code == 504 && body != "late" || rec.Code == 200 && strings.Contains(body, "late") {
			t.Fatalf("%d %q: two responses in one", rec.Code, body)
		}
	}
}

func TestAbortSurvivesRecoverers(t *testing.T) {
	swallow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { _ = recover() }()
			next.ServeHTTP(w, r)
		})
	}
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		h := swallow(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, w = response.Wrap(testkit.Unwrapping{ResponseWriter: w}, r)
			io.WriteString(w, "half")
			response.Abort(w, r)
		}))
		client, url := tr.Serve(t, h)
		resp, err := client.Get(url)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%d %q, taken for whole", resp.StatusCode, body)
		}
	})
}

// TestGuardProgress: bytes are counted while they are sent, to tell a client that reads a
// large write slowly from one that reads nothing.
func TestGuardProgress(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, send := range map[string]func(w http.ResponseWriter){
		"write":  func(w http.ResponseWriter) { w.Write(make([]byte, 3<<20)) },
		"string": func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("x", 3<<20)) },
		"file": func(w http.ResponseWriter) {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			io.Copy(w, f)
		},
	} {
		rw, guard := new(response.Writer), new(response.Guard)
		server := &observed{ResponseRecorder: httptest.NewRecorder(), progress: guard.Progress}
		w := rw.Init(server, httptest.NewRequest("GET", "/", nil))
		rw.Guard(guard, nil)
		send(w)
		if server.total != 3<<20 || rw.Written() != 3<<20 {
			t.Errorf("%s: %d bytes arrived, %d counted", name, server.total, rw.Written())
		}
		if server.most > 1<<20 || !server.grew {
			t.Errorf("%s: %d bytes at once, progress seen on the way %t", name, server.most, server.grew)
		}
	}
}

// observed checks the progress where the bytes arrive.
type observed struct {
	*httptest.ResponseRecorder
	progress    func() int64
	total, most int64
	grew        bool
}

func (o *observed) count(n int64) {
	o.grew = o.grew || o.progress() > 1 && o.progress() < 3<<20
	o.total += n
	o.most = max(o.most, n)
}

func (o *observed) Write(p []byte) (int, error)       { o.count(int64(len(p))); return len(p), nil }
func (o *observed) WriteString(s string) (int, error) { o.count(int64(len(s))); return len(s), nil }
func (o *observed) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(io.Discard, r)
	o.count(n)
	return n, err
}

func (o *observed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}
