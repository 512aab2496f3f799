package torture_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// newNaiveService has some of the routes of the other, written as in tutorials, with
// net/http alone.
func newNaiveService(log *slog.Logger, count *counters) built {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/honest/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.TrimPrefix(r.URL.Path, "/api/honest/"))
	})

	decode := func(w http.ResponseWriter, r *http.Request) {
		var v any
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"value": v})
	}
	mux.HandleFunc("/api/echo", decode)
	mux.HandleFunc("/api/small", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"bytes":%d}`, len(body))
	})
	mux.HandleFunc("/api/order", func(w http.ResponseWriter, r *http.Request) {
		var o order
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"name": o.Name, "items": len(o.Items)})
	})
	mux.HandleFunc("/api/inflate", func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		var body bytes.Buffer
		if _, err := body.ReadFrom(z); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"bytes":%d}`, body.Len())
	})
	mux.HandleFunc("/api/form", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		json.NewEncoder(w).Encode(r.Form)
	})
	mux.HandleFunc("/api/uploads", readParts)
	mux.HandleFunc("/api/parts", readParts)
	mux.HandleFunc("/api/upload", saveFiles)
	mux.Handle("/api/standard", inContext(http.HandlerFunc(standardForm)))

	mux.HandleFunc("/api/login", func(w http.ResponseWriter, r *http.Request) {
		next := r.FormValue("next")
		if !strings.HasPrefix(next, "/") {
			next = "/home"
		}
		http.Redirect(w, r, next, http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/api/set-cookie", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: r.FormValue("name"), Value: r.FormValue("value"), Path: r.FormValue("path")})
	})
	mux.HandleFunc("/api/refuse", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Reason", r.FormValue("reason"))
		w.WriteHeader(http.StatusBadRequest)
	})
	mux.HandleFunc("/api/post/", func(w http.ResponseWriter, r *http.Request) {
		id, err := url.PathUnescape(strings.TrimPrefix(r.URL.Path, "/api/post/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "%q", id)
	})
	mux.HandleFunc("/api/encode/channel", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"a": make(chan int)})
	})
	mux.HandleFunc("/api/event", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: %s\n\n", r.FormValue("data"))
	})
	mux.HandleFunc("/api/flood", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			if _, err := fmt.Fprintf(w, "data: %s\n\n", xs(32<<10)); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	})
	mux.Handle("/api/panic/", recoverAll(http.StripPrefix("/api/panic", withHow(panicSomehow))))
	mux.Handle("/api/late/", inTime(http.StripPrefix("/api/late", withHow(answerLate))))
	return built{Handler: mux, shutdown: func() {}, close: func(context.Context) error { return nil }}
}

func readParts(w http.ResponseWriter, r *http.Request) {
	parts, err := r.MultipartReader()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fields := make(map[string]string)
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		value, _ := io.ReadAll(part)
		fields[part.FormName()] = string(value)
	}
	json.NewEncoder(w).Encode(map[string]any{"fields": len(fields)})
}

func withHow(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.SetPathValue("how", strings.TrimPrefix(r.URL.Path, "/"))
		h(w, r)
	})
}

// recoverAll is a recoverer that ignores what was already sent.
func recoverAll(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// inTime is a time limit that relies on the handler.
func inTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), maxDuration)
		defer func() {
			cancel()
			if ctx.Err() == context.DeadlineExceeded {
				w.WriteHeader(http.StatusGatewayTimeout)
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// inContext is any middleware that adds a context value.
func inContext(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		type key struct{}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "user")))
	})
}

func saveFiles(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(32 << 20); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	dir, _ := os.MkdirTemp("", "upload")
	var names []string
	for _, files := range r.MultipartForm.File {
		for _, f := range files {
			names = append(names, saveFile(dir, f))
		}
	}
	os.RemoveAll(dir)
	json.NewEncoder(w).Encode(map[string]any{"names": names})
}

func saveFile(dir string, f *multipart.FileHeader) string {
	in, err := f.Open()
	if err != nil {
		return ""
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, f.Filename))
	if err != nil {
		return ""
	}
	defer out.Close()
	io.Copy(out, in)
	return f.Filename
}

// naiveFaults are cases of the list, and the kind of finding that each must have in the
// naive service.
var naiveFaults = []struct{ class, why, kind string }{
	{"limits", "one byte over, declared: a lower limit", misfit},
	{"limits", "one byte over, chunked: a lower limit", misfit},
	{"limits", "five megabytes all sent, and what they hold is no request", misfit},
	{"bodies that are not whole", "half of a value that would be whole", misfit},
	{"json", "a second value", misfit},
	{"json", "bytes that are not UTF-8", misfit},
	{"json", "digits that a float would lose", misfit},
	{"json", "a word after the value", misfit},
	{"compression", "a bomb of gzip", memory},
	{"compression", "gzip that is none", misfit},
	{"forms", "one more", misfit},
	{"forms", "the query does not mix in", misfit},
	{"forms", "a malformed percent", misfit},
	{"forms", "a semicolon, which splits for some and not for others", misfit},
	{"multipart", "one more", misfit},
	{"multipart", "a header line of five megabytes", misfit},
	{"multipart", "fields that fill the memory", misfit},
	{"multipart", "a file over its limit", misfit},
	{"multipart", "a file name that turns around", misfit},
	{"multipart", "net/http's own files are removed", leftFiles},
	{"redirects", "a next page of \"//evil.test\"", misfit},
	{"redirects", "a next page of \"/\\\\evil.test\"", misfit},
	{"cookies", "setting a name with a semicolon", misfit},
	{"header injection", "an escape in a header of an error", misfit},
	{"decoding", "an encoded percent is decoded once", misfit},
	{"encoding", "a value or a status that cannot be sent: channel", misfit},
	{"streams", "LF in the data of an event", misfit},
	{"streams", "CR in the data of an event", misfit},
	{"streams", "twenty that never read", goroutines},
	{"panics", "after", misfit},
	{"panics", "after", records},
	{"panics", "buffered", misfit},
	{"panics", "before", misfit},
	{"time limit", "a handler that ignores its context", misfit},
	{"time limit", "half an answer is out", misfit},
	{"time limit", "a handler that is stuck in the body", misfit},
	{"cookies", "nine hundred kilobytes", misfit},
}

// TestHostileCanFail: the faults of the naive service are found.
func TestHostileCanFail(t *testing.T) {
	t.Parallel()
	all := classes()
	kinds := make(map[*hostileCase][]string)
	for _, fault := range naiveFaults {
		c := lookUp(all, fault.class, fault.why)
		if c == nil {
			t.Errorf("there is no case %s: %s", fault.class, fault.why)
		} else {
			kinds[c] = append(kinds[c], fault.kind)
		}
	}
	queue := make(chan *hostileCase, len(kinds))
	for c := range kinds {
		queue <- c
	}
	close(queue)
	var wg sync.WaitGroup
	var proven atomic.Int64
	for range 4 {
		p := start(t, "naive")
		wg.Go(func() {
			for c := range queue {
				missed := kinds[c]
				// Most waits here time out, and on a busy machine everything else may
				// take as long.
				var found []finding
				for _, p.patience = range []time.Duration{time.Second, patience} {
					found, _ = c.carryOut(p, 1)
					missed = slices.DeleteFunc(slices.Clone(missed), func(kind string) bool {
						return slices.ContainsFunc(found, func(f finding) bool { return f.kind == kind })
					})
					if len(missed) == 0 {
						break
					}
				}
				proven.Add(int64(len(kinds[c]) - len(missed)))
				for _, kind := range missed {
					t.Errorf("%s: no fault of the kind %q is found, but %v", c.why, kind, found)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d faults of the naive service found", proven.Load(), len(naiveFaults))
}

func lookUp(all []class, name, why string) *hostileCase {
	for _, class := range all {
		for i := range class.cases {
			if class.name == name && class.cases[i].why == why {
				return &class.cases[i]
			}
		}
	}
	return nil
}
