package browsertest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
)

// pageConfig returns a configuration with the location that docs/production.md shows.
func pageConfig(t *testing.T) string {
	page, err := os.ReadFile("../../docs/production.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(page), "```nginx\n")
	block, _, ended := strings.Cut(block, "```")
	const shown = "http://127.0.0.1:8080"
	if !found || !ended || !strings.Contains(block, shown) {
		t.Fatalf("the page has no location that passes to %s:\n%s", shown, block)
	}
	return `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path body;
	server {
		listen %[1]s;
` + strings.ReplaceAll(block, shown, "http://%[2]s") + `
	}
}
`
}

// TestNginxBodies: through the location of docs/production.md a body reaches the service
// while it arrives, nothing of it is on the disk of the proxy, and the 413 is the kit's.
func TestNginxBodies(t *testing.T) {
	mux := http.NewServeMux()
	began := make(chan struct{})
	mux.HandleFunc("POST /raw", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadFull(r.Body, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		close(began)
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n+1 != int64(2*bytesize.MB) {
			t.Errorf("%d bytes, %v", n+1, err)
		}
	})
	mux.Handle("POST /limited", bodyparser.New(bodyparser.Config{})(http.NotFoundHandler()))
	service := httptest.NewServer(mux)
	defer service.Close()
	nginx, dir := startNginx(t, pageConfig(t), service.Listener.Addr().String())
	half := strings.Repeat("x", int(bytesize.MB))

	body, rest := io.Pipe()
	go func() {
		io.WriteString(rest, half)
		select {
		case <-began:
		case <-time.After(patience):
			rest.CloseWithError(errors.New("the service sees nothing before the body has ended"))
			return
		}
		if files, err := filepath.Glob(filepath.Join(dir, "body", "*")); err != nil || len(files) > 0 {
			t.Errorf("the proxy has %v, %v", files, err)
		}
		io.WriteString(rest, half)
		rest.Close()
	}()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+nginx+"/raw", body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(2 * bytesize.MB)
	client := &http.Client{}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the upload: %s", resp.Status)
	}

	resp, err = client.Post("http://"+nginx+"/limited", "text/plain", strings.NewReader(half+half))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 413 || err != nil || !strings.Contains(string(text), "Body exceeded 1mb limit") {
		t.Errorf("a body over the limit: %s %q, %v", resp.Status, text, err)
	}
}
