package s3_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/examples/compose/s3"
	"github.com/apiece/apiece/middleware"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // records of intended failures
	os.Exit(m.Run())
}

// form returns the body of a form with the files, and its Content-Type as a line
// of the header.
func form(files ...string) (body, field string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i, data := range files {
		part, err := m.CreateFormFile("file", fmt.Sprintf("%d.bin", i))
		if err != nil {
			panic(err)
		}
		io.WriteString(part, data)
	}
	m.Close()
	return b.String(), "Content-Type: " + m.FormDataContentType()
}

func serve(t *testing.T, h http.Handler, test func(*testing.T, *loopback.Server)) {
	loopback.Both(t, middleware.New(middleware.Config{})(h), test)
}

// TestStoreFiles: small files in one request each, large ones in parts, unchanged, under
// keys of the service.
func TestStoreFiles(t *testing.T) {
	store, client := start(t)
	large := strings.Repeat("0123456789abcdef", 12<<16) // 12 MB: three parts
	serve(t, s3.New(client, s3.Config{Bucket: "files", Prefix: "a/"}).Handler(), func(t *testing.T, s *loopback.Server) {
		store.parts = 0
		body, field := form("small", large, "")
		resp, text := s.Do("POST", "/", body, field)
		var files []s3.File
		if err := json.Unmarshal([]byte(text), &files); err != nil || resp.StatusCode != 201 || len(files) != 3 {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		for i, want := range []string{"small", large, ""} {
			got := store.objects[files[i].Key]
			if string(got.data) != want || files[i].Size != int64(len(want)) || files[i].Name != fmt.Sprintf("%d.bin", i) || !strings.HasPrefix(files[i].Key, "a/") {
				t.Errorf("%+v: %d bytes", files[i], len(got.data))
			}
		}
		if got := store.objects[files[0].Key]; got.typ != "application/octet-stream" || got.disposition != "attachment" {
			t.Errorf("stored as %q, %q", got.typ, got.disposition)
		}
		if _, left := store.keys(); left != 0 || store.parts != 3 {
			t.Errorf("%d parts, %d uploads are open", store.parts, left)
		}
	})
}

// TestStoreRefusals: a client error has the status of package upload, and no file of the
// form stays stored.
func TestStoreRefusals(t *testing.T) {
	store, client := start(t)
	handler := s3.New(client, s3.Config{Bucket: "files", Upload: upload.Config{FileLimit: 6 * bytesize.MB}}).Handler()
	serve(t, handler, func(t *testing.T, s *loopback.Server) {
		tooLarge, field := form("first", strings.Repeat("x", 6<<20+1))
		cut, cutField := form("first", "second")
		for _, tt := range []struct {
			name, body, field string
			status            int
		}{
			{"a file over its limit, in its second part", tooLarge, field, 413},
			{"a form without an end", cut[:len(cut)-10], cutField, 400},
			{"no form", "{}", "Content-Type: application/json", 415},
			{"no file", "", "", 415},
		} {
			if resp, text := s.Do("POST", "/", tt.body, tt.field); resp.StatusCode != tt.status {
				t.Errorf("%s: %d %s", tt.name, resp.StatusCode, text)
			}
			if keys, left := store.keys(); len(keys)+left != 0 {
				t.Errorf("%s: %d objects and %d uploads are left", tt.name, len(keys), left)
			}
		}
	})
}

// TestStoreClientGone: if a client disconnects in the middle of a file, nothing stays stored.
func TestStoreClientGone(t *testing.T) {
	store, client := start(t)
	store.arrived = make(chan string, 100)
	handled := make(chan struct{}, 1)
	h := s3.New(client, s3.Config{Bucket: "files"}).Handler()
	serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { handled <- struct{}{} }()
		h.ServeHTTP(w, r)
	}), func(t *testing.T, s *loopback.Server) {
		for len(store.arrived) > 0 {
			<-store.arrived // what the run before has left
		}
		body, field := form("first", strings.Repeat("x", 12<<20))
		ctx, leave := context.WithCancel(t.Context())
		pipe, rest := io.Pipe()
		r, err := http.NewRequestWithContext(ctx, "POST", s.URL, pipe)
		if err != nil {
			t.Fatal(err)
		}
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Set(name, value)
		go func() {
			io.WriteString(rest, body[:11<<20])
			for operation := range store.arrived { // the first file, and the beginning of the second
				if operation == "PUT part" {
					break
				}
			}
			leave()
			rest.CloseWithError(context.Canceled)
		}()
		if resp, err := s.Client.Do(r); err == nil {
			t.Errorf("the client that left got %d", resp.StatusCode)
		}
		<-handled
		if keys, left := store.keys(); len(keys)+left != 0 || store.parts == 0 {
			t.Errorf("%d objects and %d uploads are left, of %d parts", len(keys), left, store.parts)
		}
		store.parts = 0
	})
}

// TestStoreFailures: a store that fails or hangs is 502 or 504, its error text does not
// reach the client, and the files of the form are removed once it recovers.
func TestStoreFailures(t *testing.T) {
	store, client := start(t)
	release := make(chan struct{})
	refuse := func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>secret</Message></Error>")
		return true
	}
	first := func() func(http.ResponseWriter, *http.Request) bool {
		n := 0
		return func(w http.ResponseWriter, r *http.Request) bool {
			n++
			return n == 2 && refuse(w, r)
		}
	}
	large := strings.Repeat("x", 6<<20)
	for _, tt := range []struct {
		name   string
		files  []string
		fail   func(http.ResponseWriter, *http.Request) bool
		limit  time.Duration
		status int
	}{
		{"refuses the second file", []string{"a", "b"}, first(), time.Minute, 502},
		{"refuses the first part", []string{large}, first(), time.Minute, 502},
		{"hangs", []string{"a"}, func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == "PUT" {
				<-release
			}
			return false
		}, 200 * time.Millisecond, 504},
	} {
		store.fail = tt.fail
		done := make(chan struct{}, 1)
		h := s3.New(client, s3.Config{Bucket: "files"}).Handler()
		s := loopback.Serve(t, middleware.New(middleware.Config{MaxDuration: tt.limit})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { done <- struct{}{} }()
			h.ServeHTTP(w, r)
		})))
		body, field := form(tt.files...)
		resp, text := s.Do("POST", "/", body, field)
		if resp.StatusCode != tt.status || strings.Contains(text, "secret") {
			t.Errorf("%s: %d %s", tt.name, resp.StatusCode, text)
		}
		<-done
		if tt.status != 504 {
			if keys, left := store.keys(); len(keys)+left != 0 {
				t.Errorf("%s: %d objects and %d uploads are left", tt.name, len(keys), left)
			}
		}
	}
	close(release)
}

// TestStoreUnreachable: the store refuses connections.
func TestStoreUnreachable(t *testing.T) {
	h := s3.New(clientOf("http://127.0.0.1:1"), s3.Config{Bucket: "files", Cleanup: time.Second}).Handler()
	serve(t, h, func(t *testing.T, s *loopback.Server) {
		body, field := form("a")
		if resp, text := s.Do("POST", "/", body, field); resp.StatusCode != 502 {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
	})
}

func Example() {
	server := httptest.NewServer(&fake{objects: map[string]object{}, pending: map[string]map[string][]byte{}})
	defer server.Close()
	client := clientOf(server.URL) // in a service: s3.NewFromConfig(config)

	store := s3.New(client, s3.Config{Bucket: "files", Upload: upload.Config{FileLimit: 5 * bytesize.MB}})
	mux := http.NewServeMux()
	mux.Handle("POST /api/files", store.Handler())

	body, field := form("hello")
	r := httptest.NewRequest("POST", "/api/files", strings.NewReader(body))
	r.Header.Set("Content-Type", strings.TrimPrefix(field, "Content-Type: "))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	var files []s3.File
	err := json.Unmarshal(w.Body.Bytes(), &files)
	fmt.Println(w.Code, files[0].Name, files[0].Size, err)
	// Output:
	// 201 0.bin 5 <nil>
}
