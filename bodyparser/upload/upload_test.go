package upload_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/reply"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const boundary = "xxBOUNDARYxx"

// part is one part of a form, as written.
func part(header, body string) string {
	return "--" + boundary + "\r\n" + strings.ReplaceAll(header, "\n", "\r\n") + "\r\n\r\n" + body + "\r\n"
}

func field(name, value string) string {
	return part(`Content-Disposition: form-data; name="`+name+`"`, value)
}

func file(name, fileName, content string) string {
	return part(`Content-Disposition: form-data; name="`+name+`"; filename="`+fileName+`"`+"\nContent-Type: Text/Plain; charset=utf-8", content)
}

const end = "--" + boundary + "--\r\n"

func request(body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	return r
}

// read reads all parts and records them.
func read(w http.ResponseWriter, r *http.Request, cfg upload.Config) (string, error) {
	var got strings.Builder
	for p, err := range upload.Parts(w, r, cfg) {
		if err != nil {
			return got.String(), err
		}
		text, err := p.Text()
		if err != nil {
			return got.String(), err
		}
		fmt.Fprintf(&got, "%s %v %q %q %.20q;", p.Name(), p.IsFile(), p.FileName(), p.ContentType(), text)
	}
	return got.String(), nil
}

func TestPartsInOrder(t *testing.T) {
	body := "preamble\r\n" + field("title", "hé") + file("a", "a.txt", "one") + file("b", "", "") + field("title", "") + end + "epilogue"
	want := `title false "" "" "hé";a true "a.txt" "text/plain" "one";b true "" "text/plain" "";title false "" "" "";`
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		for name, chain := range map[string]func(http.Handler) http.Handler{
			"alone":           func(h http.Handler) http.Handler { return h },
			"behind a parser": bodyparser.New(bodyparser.Config{}),
			"behind a limit":  bodyparser.New(bodyparser.Config{Limit: 10 * bytesize.KB}),
			"behind Raw":      bodyparser.New(bodyparser.Config{Raw: true}),
			"behind a signature": bodyparser.New(bodyparser.Config{Verify: func(_ *http.Request, b []byte) error {
				if string(b) != body {
					return errors.New("another body")
				}
				return nil
			}}),
		} {
			h := chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, err := read(w, r, upload.Config{})
				if err != nil || got != want {
					t.Errorf("%s: %s, %v\nwant %s", name, got, err, want)
				}
			}))
			if resp := tr.Do(t, h, request(body)); resp.StatusCode != 200 {
				t.Errorf("%s: %d", name, resp.StatusCode)
			}
		}
	})
}

func TestConfigLimits(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, test := range []struct {
		why    string
		cfg    upload.Config
		body   string
		status int
		text   string
	}{
		{"a field of exactly the bound", upload.Config{}, field("a", x(1<<20)) + end, 200, ""},
		{"fields are bounded together", upload.Config{}, field("a", x(1<<19)) + field("b", x(1<<19+1)) + end, 413, "The fields of the form exceeded 1mb limit"},
		{"files are none of them", upload.Config{}, file("a", "a", x(2<<20)) + end, 200, ""},
		{"a file of exactly the bound", upload.Config{FileLimit: 1000}, file("a", "a", x(1000)) + file("b", "b", x(1000)) + end, 200, ""},
		{"one byte more", upload.Config{FileLimit: 1000}, file("a", "a", x(1001)) + end, 413, "The file exceeded 1000b limit"},
		{"as many parts as the default", upload.Config{}, strings.Repeat(field("a", "1"), 100) + end, 200, ""},
		{"one more", upload.Config{}, strings.Repeat(field("a", "1"), 101) + end, 413, "More than 100 parts"},
		{"too many files", upload.Config{MaxFiles: 2}, strings.Repeat(file("a", "a", "1"), 3) + end, 413, "More than 2 files"},
		{"no bound on parts", upload.Config{MaxParts: -1}, strings.Repeat(field("a", "1"), 900) + end, 200, ""},
		{"the whole body", upload.Config{Limit: 1000}, file("a", "a", x(1000)) + end, 413, "Body exceeded 1000b limit"},
		{"what follows the last boundary counts", upload.Config{Limit: 1000}, field("a", "1") + end + x(1000), 413, "Body exceeded 1000b limit"},
		{"a header of eight kilobytes", upload.Config{}, part("Content-Disposition: form-data; name=a\nX: "+x(8000), "1") + end, 200, ""},
		{"a larger one", upload.Config{}, part("Content-Disposition: form-data; name=a\nX: "+x(8200), "1") + end, 413, "The header of a part is too large"},
		{"one of five megabytes", upload.Config{}, part("Content-Disposition: form-data; name=a\nX: "+x(5<<20), "1") + end, 413, "The header of a part is too large"},
		{"many lines", upload.Config{}, part("Content-Disposition: form-data; name=a"+strings.Repeat("\nX: y", 5000), "1") + end, 413, "The header of a part is too large"},
		{"a preamble is bounded likewise", upload.Config{}, strings.Repeat("x\r\n", 10_000) + field("a", "1") + end, 413, "The header of a part is too large"},
		{"the largest bounds there are", upload.Config{HeaderLimit: math.MaxInt64, Limit: math.MaxInt64, FieldLimit: math.MaxInt64, FileLimit: math.MaxInt64}, field("a", "1") + end, 200, ""},
		{"no bound on headers", upload.Config{HeaderLimit: -1}, part("Content-Disposition: form-data; name=a\nX: "+x(1<<20), "1") + end, 200, ""},
	} {
		for _, declared := range []bool{true, false} {
			r := request(test.body)
			if !declared {
				r.ContentLength = -1
			}
			_, err := read(httptest.NewRecorder(), r, test.cfg)
			var e *upload.Error
			switch {
			case test.status == 200 && err == nil:
			case !errors.As(err, &e) || e.Status != test.status || e.Message != test.text:
				t.Errorf("%s, declared %v: %v, want %d %s", test.why, declared, err, test.status, test.text)
			}

			// The same for a handler that skips every part.
			r = request(test.body)
			err = nil
			for _, e := range upload.Parts(httptest.NewRecorder(), r, test.cfg) {
				err = e
			}
			if (err == nil) != (test.status == 200) {
				t.Errorf("%s, unread: %v", test.why, err)
			}
		}
	}
}

func TestPartsMalformed(t *testing.T) {
	for _, test := range []struct {
		why, contentType, body string
		status                 int
	}{
		{"no type", "", end, 415},
		{"another type", "application/json", "{}", 415},
		{"multipart of another kind", "multipart/mixed; boundary=x", "--x--", 415},
		{"a type that does not parse", "multipart/form-data; boundary", end, 415},
		{"a type of great length", "multipart/form-data; boundary=x; y=" + strings.Repeat("y", 5000), end, 415},
		{"a list", "multipart/form-data; boundary=" + boundary + ", text/plain", end, 415},
		{"two boundaries", "multipart/form-data; boundary=" + boundary + "; boundary=x", end, 415},
		{"spaces around the equals sign", "multipart/form-data; boundary = " + boundary, end, 415},
		{"a boundary in quotes", `multipart/form-data; boundary="` + boundary + `"`, end, 200},
		{"a boundary in another encoding", "multipart/form-data; boundary*=utf-8''" + boundary, end, 400},
		{"no boundary", "multipart/form-data", end, 400},
		{"a boundary that is too long", "multipart/form-data; boundary=" + strings.Repeat("x", 71), end, 400},
		{"nothing", "", "", 415},
		{"an empty body", "multipart/form-data; boundary=" + boundary, "", 400},
		{"no last boundary", "multipart/form-data; boundary=" + boundary, field("a", "1"), 400},
		{"half a part", "multipart/form-data; boundary=" + boundary, field("a", "1")[:60], 400},
		{"half a header", "multipart/form-data; boundary=" + boundary, "--" + boundary + "\r\nContent-Dis", 400},
		{"a header without a colon", "multipart/form-data; boundary=" + boundary, part("nonsense", "1") + end, 400},
		{"a part without a name", "multipart/form-data; boundary=" + boundary, part("Content-Disposition: form-data", "1") + end, 400},
		{"a part with an empty name", "multipart/form-data; boundary=" + boundary, field("", "1") + end, 400},
		{"a part without a disposition", "multipart/form-data; boundary=" + boundary, part("X: y", "1") + end, 400},
		{"an attachment", "multipart/form-data; boundary=" + boundary, part(`Content-Disposition: attachment; name="a"`, "1") + end, 400},
		{"no part at all", "multipart/form-data; boundary=" + boundary, end, 200},
	} {
		r := request(test.body)
		r.Header.Set("Content-Type", test.contentType)
		_, err := read(httptest.NewRecorder(), r, upload.Config{})
		if got := statusOf(err); got != test.status {
			t.Errorf("%s: %v, want %d", test.why, err, test.status)
		}
		if h, ok := err.(interface{ Header() http.Header }); test.status == 415 && (!ok || h.Header().Get("Accept") != "multipart/form-data") {
			t.Errorf("%s: the error does not say what is accepted", test.why)
		}
	}
}

// A compressed form must not be read as uncompressed.
func TestPartsContentEncoding(t *testing.T) {
	for _, test := range []struct {
		fields []string
		status int
	}{
		{[]string{"gzip"}, 415},
		{[]string{"identity", "br"}, 415},
		{[]string{" Identity "}, 200},
		{[]string{""}, 200},
	} {
		r := request(field("a", "1") + end)
		r.Header["Content-Encoding"] = test.fields
		if _, err := read(nil, r, upload.Config{}); statusOf(err) != test.status {
			t.Errorf("%q: %v, want %d", test.fields, err, test.status)
		}
	}
}

func statusOf(err error) int {
	if err == nil {
		return 200
	}
	return err.(interface{ StatusCode() int }).StatusCode()
}

func TestPartFileName(t *testing.T) {
	long := strings.Repeat("é", 200)
	for sent, want := range map[string]string{
		"photo.jpg":                              "photo.jpg",
		"my photo (1).tar.gz":                    "my photo (1).tar.gz",
		"写真.jpg":                                 "写真.jpg",
		"../../etc/passwd":                       "passwd",
		`C:\Users\me\photo.jpg`:                  "photo.jpg",
		`..\..\boot.ini`:                         "boot.ini",
		"/":                                      "",
		"..":                                     "",
		".":                                      "",
		"...":                                    "",
		"a/..":                                   "",
		" . ":                                    "",
		".htaccess":                              "htaccess",
		". .bashrc":                              "bashrc",
		"..CON":                                  "_CON",
		"a/.env":                                 "env",
		"c%22d%0D%0A%2F.txt":                     "c_d%2F.txt",
		"name. . ":                               "name",
		"a\x00b\x1f\x7f.txt":                     "ab.txt",
		"a\u0085b.txt":                           "ab.txt",
		"a.txt:hidden":                           "a.txt_hidden",
		"C:photo.jpg":                            "C_photo.jpg",
		`what<is>"this"|?*`:                      "what_is__this____",
		"CON":                                    "_CON",
		"nul.txt":                                "_nul.txt",
		"Com1.tar.gz":                            "_Com1.tar.gz",
		"LPT¹":                                   "_LPT¹",
		"con .txt":                               "_con .txt",
		"COM10":                                  "COM10",
		"console.log":                            "console.log",
		"evil\u202egpj.exe":                      "evilgpj.exe",
		"bad\xffutf8.txt":                        "badutf8.txt",
		long + ".jpeg":                           strings.Repeat("é", 125) + ".jpeg",
		strings.Repeat("x", 300):                 strings.Repeat("x", 255),
		"x." + strings.Repeat("y", 300):          "x." + strings.Repeat("y", 253),
		strings.Repeat("x", 254) + " y":          strings.Repeat("x", 254),
		strings.Repeat("x", 248) + ". . yy.jpeg": strings.Repeat("x", 248) + ".jpeg",
	} {
		header := textproto.MIMEHeader{}
		header.Set("Content-Disposition", `form-data; name="f"; filename="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(sent)+`"`)
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		form.SetBoundary(boundary)
		form.CreatePart(header)
		form.Close()
		for p, err := range upload.Parts(nil, request(body.String()), upload.Config{}) {
			if err != nil {
				if strings.ContainsAny(sent, "\x00\x1f\x7f") {
					continue // net/textproto or mime refuses the header
				}
				t.Fatalf("%q: %v", sent, err)
			}
			if p.FileName() != want {
				t.Errorf("%q becomes %q, want %q", sent, p.FileName(), want)
			}
		}
	}
}

// TestPartNameEscapes: exactly the escapes of WHATWG HTML for names are decoded.
func TestPartNameEscapes(t *testing.T) {
	for sent, want := range map[string]string{
		"a%22b": `a"b`, "a%0D%0Ab": "a\r\nb", "100%": "100%", "a%2522b": "a%2522b", "%20": "%20", "a%0ab": "a%0ab",
	} {
		fields, err := upload.Form(nil, request(field(sent, "1")+end), upload.Config{}, nil)
		if err != nil || fields.Get(want) != "1" || len(fields) != 1 {
			t.Errorf("%q: %q, %v; want the name %q", sent, fields, err, want)
		}
	}
}

func TestFormFieldsAndFiles(t *testing.T) {
	body := field("a", "1") + file("f", "f.txt", "content") + field("a", "2") + end
	var files []string
	fields, err := upload.Form(httptest.NewRecorder(), request(body), upload.Config{}, func(p *upload.Part) error {
		text, err := p.Text()
		files = append(files, p.Name()+"="+text)
		return err
	})
	if err != nil || fmt.Sprint(fields) != "map[a:[1 2]]" || fmt.Sprint(files) != "[f=content]" {
		t.Errorf("%v, %v, %v", fields, files, err)
	}
	if _, err := upload.Form(nil, request(body), upload.Config{}, nil); statusOf(err) != 400 {
		t.Errorf("files that nobody wants: %v", err)
	}
	failed := errors.New("disk full")
	if _, err := upload.Form(nil, request(body), upload.Config{}, func(*upload.Part) error { return failed }); err != failed {
		t.Errorf("the error of the handler: %v", err)
	}
}

func TestPartIsReadInTime(t *testing.T) {
	var first *upload.Part
	for p, err := range upload.Parts(nil, request(field("a", "1")+field("b", "2")+end), upload.Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = p
			continue
		}
		if _, err := first.Text(); err == nil {
			t.Error("a part could be read after the next was asked for")
		}
		if text, err := p.Text(); text != "2" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	}
	if first.Header().Get("Content-Disposition") == "" {
		t.Error("the header is gone")
	}
}

func TestPartSaveAs(t *testing.T) {
	dir := t.TempDir()
	left := func() (names []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	save := func(body string, cfg upload.Config, name string) (size int64, err error) {
		for p, e := range upload.Parts(nil, request(body), cfg) {
			if e != nil {
				return size, e
			}
			if size, err = p.SaveAs(filepath.Join(dir, name)); err != nil {
				return size, err
			}
		}
		return size, nil
	}

	for _, test := range []struct {
		why, body string
		cfg       upload.Config
		status    int
	}{
		{"too large", file("f", "f", strings.Repeat("x", 200_000)) + end, upload.Config{FileLimit: 100_000}, 413},
		{"cut off", file("f", "f", strings.Repeat("x", 200_000)), upload.Config{}, 400},
	} {
		if _, err := save(test.body, test.cfg, "kept"); statusOf(err) != test.status || len(left()) != 0 {
			t.Errorf("%s: %v, left %v", test.why, err, left())
		}
	}
	func() {
		defer func() { _ = recover() }()
		r := request("")
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(file("f", "f", strings.Repeat("x", 100_000))[:80_000]), panicking{}))
		for p, err := range upload.Parts(nil, r, upload.Config{}) {
			if err != nil {
				t.Error(err)
			}
			p.SaveAs(filepath.Join(dir, "kept"))
		}
		t.Error("no panic")
	}()
	if len(left()) != 0 {
		t.Errorf("a panic left %v", left())
	}
	if size, err := save(file("f", "f", "content")+end, upload.Config{}, "kept"); err != nil || size != 7 {
		t.Errorf("%d, %v", size, err)
	}
	if size, err := save(file("f", "f", "newer")+end, upload.Config{}, "kept"); err != nil || size != 5 {
		t.Errorf("over a file that is there: %d, %v", size, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "kept"))
	if err != nil || string(text) != "newer" || len(left()) != 1 {
		t.Errorf("%q, %v, left %v", text, err, left())
	}
	// Windows has no permissions for owner and others.
	if info, _ := os.Stat(filepath.Join(dir, "kept")); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if _, err := save(file("f", "f", "x")+end, upload.Config{}, "missing/kept"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("reader") }

func TestPartsAborted(t *testing.T) {
	r := request("")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(file("f", "f", "half")[:100]), failing{io.ErrUnexpectedEOF}))
	if _, err := read(nil, r, upload.Config{}); !errors.Is(err, upload.ErrAborted) || statusOf(err) != 400 {
		t.Errorf("%v", err)
	}
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(field("a", "1")), failing{&http.MaxBytesError{Limit: 99}}))
	var max *http.MaxBytesError
	if _, err := read(nil, r, upload.Config{}); statusOf(err) != 413 || !errors.As(err, &max) || max.Limit != 99 {
		t.Errorf("a limit further out: %v", err)
	}
	r.Body = nil
	if _, err := read(nil, r, upload.Config{}); statusOf(err) != 400 {
		t.Errorf("no body: %v", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// An upload is a stream: its memory does not depend on its size.
func TestPartsMemory(t *testing.T) {
	const size = 64 << 20
	content := io.LimitReader(zeros{}, size)
	r := request("")
	head := strings.TrimSuffix(file("f", "f", ""), "\r\n")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(head), content, strings.NewReader("\r\n"+end)))
	r.ContentLength = -1
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for p, err := range upload.Parts(nil, r, upload.Config{Limit: 100 * bytesize.MB}) {
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, p); n != size || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes for an upload of %d", used, size)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A client that sends nothing for too long gets a 408; a slow but steady one
// does not.
func TestPartsSlowClient(t *testing.T) {
	server := &http.Server{Handler: reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		_, err := upload.Form(w, r, upload.Config{ReadTimeout: 10 * time.Second}, nil)
		return err
	})}
	testkit.InBubble(t, server, func(t *testing.T, dial func() net.Conn) {
		body := field("a", "1") + field("b", "2") + end
		send := func(pauses ...time.Duration) (int, time.Duration) {
			ours := dial()
			defer ours.Close()
			start := time.Now()
			go func() {
				fmt.Fprintf(ours, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n", boundary, len(body))
				for i, pause := range pauses {
					time.Sleep(pause)
					io.WriteString(ours, body[i*len(body)/len(pauses):(i+1)*len(body)/len(pauses)])
				}
			}()
			resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			return resp.StatusCode, time.Since(start)
		}
		if status, after := send(8*time.Second, 8*time.Second, 8*time.Second, 8*time.Second); status != 200 || after != 32*time.Second {
			t.Errorf("slow but steady: %d after %v", status, after)
		}
		if status, after := send(time.Second, time.Hour); status != 408 || after > 12*time.Second {
			t.Errorf("stuck: %d after %v", status, after)
		}
		time.Sleep(2 * time.Hour) // for the stuck client
	})
}

// The client is done, or waits for the handler: neither may take time from the
// handler.
func TestPartsSlowHandler(t *testing.T) {
	const timeout = 100 * time.Millisecond
	// More than an HTTP/2 client may send before it is read.
	first := file("a", "a", strings.Repeat("x", 3<<20))
	for _, test := range []struct {
		why  string
		body string
		work func(w http.ResponseWriter, r *http.Request, slow func()) error
	}{
		{"with a part that is large", first + field("b", "2") + end, func(w http.ResponseWriter, r *http.Request, slow func()) error {
			_, err := upload.Form(w, r, upload.Config{ReadTimeout: timeout}, func(p *upload.Part) error {
				if _, err := p.Read(make([]byte, 10)); err != nil {
					return err
				}
				slow()
				_, err := io.Copy(io.Discard, p)
				return err
			})
			return err
		}},
		{"with a form that is all there", field("a", "1") + field("b", "2") + end, func(w http.ResponseWriter, r *http.Request, slow func()) error {
			for _, err := range upload.Parts(w, r, upload.Config{ReadTimeout: timeout}) {
				if err != nil {
					return err
				}
				slow()
			}
			slow()
			return nil
		}},
		{"having broken off", field("a", "1") + field("b", "2") + end, func(w http.ResponseWriter, r *http.Request, slow func()) error {
			for _, err := range upload.Parts(w, r, upload.Config{ReadTimeout: timeout}) {
				if err != nil {
					return err
				}
				break
			}
			slow()
			return nil
		}},
	} {
		testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
			h := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				err := test.work(w, r, func() {
					select {
					case <-time.After(3 * timeout):
					case <-r.Context().Done():
					}
				})
				if cause := context.Cause(r.Context()); cause != nil {
					t.Errorf("%s: the context ended: %v", test.why, cause)
				}
				return err
			})
			resp := tr.Do(t, h, request(test.body))
			if text := testkit.Body(t, resp); resp.StatusCode != 200 {
				t.Errorf("%s: %d %s", test.why, resp.StatusCode, text)
			}
		})
	}
}

// After any end of reading, net/http must not wait for a client that may send
// no more.
func TestPartsRestIsBounded(t *testing.T) {
	for _, test := range []struct {
		why, body string
		file      error
		status    int
	}{
		{"a handler that gives up", file("a", "a", "1"), reply.NewError(409, "taken"), 409},
		{"a part that is wrong, and was read ahead", file("a", "a", "1") + field("", "1"), nil, 400},
	} {
		server := &http.Server{Handler: reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			_, err := upload.Form(w, r, upload.Config{ReadTimeout: 10 * time.Second}, func(*upload.Part) error { return test.file })
			return err
		})}
		testkit.InBubble(t, server, func(t *testing.T, dial func() net.Conn) {
			ours := dial()
			start := time.Now()
			fmt.Fprintf(ours, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: 1000\r\n\r\n%s", boundary, test.body)
			late := time.AfterFunc(time.Minute, func() { ours.Close() })
			resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
			if err != nil || resp.StatusCode != test.status || time.Since(start) > 11*time.Second {
				t.Errorf("%s: %v, %v after %v", test.why, resp, err, time.Since(start))
			}
			late.Stop()
		})
	}
}

// FuzzParts: any input ends in parts or in an error with a status, names are
// safe, and no more is read than the limits allow.
func FuzzParts(f *testing.F) {
	for _, seed := range []string{
		field("a", "1") + end, file("f", "../x", "y") + end, end, "", field("a", "1"), part("nonsense", "") + end,
		part(`Content-Disposition: form-data; name=a; filename*=utf-8''%2e%2e%2fx`, "1") + end,
		strings.Repeat(field("a", "1"), 20) + end, file("f", `a\b:c`, "y") + "--" + boundary + "--trailing",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		cfg := upload.Config{Limit: 4 * bytesize.KB, MaxParts: 10, MaxFiles: 3, FieldLimit: 100, FileLimit: 200, HeaderLimit: 500}
		parts, files, inFields := 0, 0, 0
		for p, err := range upload.Parts(nil, request(body), cfg) {
			if err != nil {
				if s := statusOf(err); s != 400 && s != 413 {
					t.Fatal(err)
				}
				return
			}
			parts++
			name := p.FileName()
			if name != "" && name != filepath.Base(name) || name == "." || name == ".." || strings.ContainsAny(name, "/\\:\x00") || len(name) > 255 {
				t.Fatalf("file name %q", name)
			}
			text, err := p.Text()
			if err != nil {
				continue
			}
			if p.IsFile() {
				if files++; len(text) > 200 {
					t.Fatal("a file beyond its limit")
				}
			} else if inFields += len(text); inFields > 100 {
				t.Fatal("fields beyond their limit")
			}
		}
		if parts > 10 || files > 3 || len(body) > 4096 {
			t.Fatalf("accepted %d parts, %d files, %d bytes", parts, files, len(body))
		}
	})
}
