package bind_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
)

// formOf writes parts "name=value" and "name@file name=content".
func formOf(parts ...string) *http.Request {
	var b strings.Builder
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		name, file, isFile := strings.Cut(name, "@")
		fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=%q", name)
		if isFile {
			fmt.Fprintf(&b, "; filename=%q\r\nContent-Type: text/plain; charset=utf-8", file)
		}
		fmt.Fprintf(&b, "\r\n\r\n%s\r\n", value)
	}
	b.WriteString("--x--\r\n")
	return post("multipart/form-data; boundary=x", b.String())
}

type album struct {
	Title  string        `json:"title" validate:"required,max=10"`
	Year   int           `json:"year"`
	Cover  upload.File   `json:"cover" validate:"required"`
	Photos []upload.File `json:"photos" validate:"max=2"`
	Extra  upload.File   `json:"extra"`
}

// show prints an album.
func show(w http.ResponseWriter, r *http.Request, in album) error {
	fmt.Fprint(w, in.Title, " ", in.Year)
	for _, f := range append([]upload.File{in.Cover, in.Extra}, in.Photos...) {
		if f.IsZero() {
			fmt.Fprint(w, "; none")
			continue
		}
		src, err := f.Open()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(src)
		if err := errors.Join(err, src.Close()); err != nil {
			return err
		}
		fmt.Fprintf(w, "; %s %s %d %s", f.FileName(), f.ContentType(), f.Size(), text)
	}
	return nil
}

// leftovers lists the directory for temporary files, which is the test's own.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestHandlerFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	cfg := bind.Config{Upload: upload.Config{FileLimit: 10 * bytesize.B, MaxFiles: 4}}
	for _, test := range []struct {
		why    string
		r      *http.Request
		status int
		want   string // part of the response
	}{
		{"fields and files, in any order", formOf("cover@a.txt=one", "title=x", "photos@b.txt=two", "year=7", "photos@c.txt="), 200,
			"x 7; a.txt text/plain 3 one; none; b.txt text/plain 3 two; c.txt text/plain 0 "},
		{"a list with brackets", formOf("title=x", "cover@a.txt=one", "photos[]@b.txt=two"), 200, "; b.txt text/plain 3 two"},
		{"file inputs that were left empty", formOf("title=x", "cover@a.txt=one", "photos@=", "extra@="), 200, "x 0; a.txt text/plain 3 one; none"},
		{"an empty text for a file", formOf("title=x", "cover@a.txt=one", "extra="), 200, "; none"},
		{"a file that is required", formOf("title=x", "photos@b.txt=two"), 422, `{"path":"/cover","rule":"required","message":"is required"}`},
		{"an empty input that is required", formOf("title=x", "cover@="), 422, `{"path":"/cover","rule":"required"`},
		{"too many for the rule", formOf("title=x", "cover@a=1", "photos@b=2", "photos@c=3", "photos@d=4"), 422, `"message":"must have at most 2 elements"`},
		{"rules of the other fields", formOf("title=", "cover@a.txt=one"), 422, `"path":"/title","rule":"required"`},
		{"types of the other fields", formOf("title=x", "cover@a.txt=one", "year=x"), 400, `"path":"/year","rule":"type"`},
		{"a file where none is taken", formOf("title@a.txt=x", "cover@a.txt=one"), 400, `{"path":"/title","rule":"unknown","message":"does not take a file"}`},
		{"a file of an unknown name", formOf("title=x", "cover@a.txt=one", "more@b.txt=two"), 400, `"path":"/more","rule":"unknown"`},
		{"two files for one", formOf("title=x", "cover@a.txt=one", "cover@b.txt=two"), 400, `{"path":"/cover","rule":"duplicate","message":"takes one file only"}`},
		{"brackets for one", formOf("title=x", "cover[]@a.txt=one"), 400, `"path":"/cover[]","rule":"unknown"`},
		{"a text for a file", formOf("title=x", "cover=one"), 400, `{"path":"/cover","rule":"type","message":"must be a file"}`},
		{"a file that is too large", formOf("title=x", "photos@a=1", "cover@a.txt=more than ten"), 413, "The file exceeded 10b limit"},
		{"too many files", formOf("photos@a=1", "photos@b=1", "photos@c=1", "photos@d=1", "photos@e=1"), 413, "More than 4 files"},
		{"JSON", post(jsonType, `{"title":"x"}`), 415, "Unsupported media type"},
		{"a form without files", post(formType, `title=x`), 415, "Unsupported media type"},
		{"no body", httptest.NewRequest("POST", "/", nil), 415, "Unsupported media type"},
		{"half a form", post("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=cover; filename=a\r\n\r\none"), 400, "Invalid body"},
	} {
		var log testkit.Log
		cfg.Logger = log.Logger()
		h := bodyparser.New(bodyparser.Config{})(bind.HandlerWith(cfg, show))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, test.r)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) || len(log.Records()) != 0 {
			t.Errorf("%s: %d %s, %d records\nwant %d %s", test.why, w.Code, w.Body, len(log.Records()), test.status, test.want)
		}
		if found := leftovers(t, dir); len(found) > 0 {
			t.Errorf("%s: left behind: %v", test.why, found)
		}
	}
}

func TestHandlerRemovesFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	saved := filepath.Join(t.TempDir(), "saved")
	h := bind.Handler(func(w http.ResponseWriter, r *http.Request, in album) error {
		r.Pattern = "/inside"
		if len(leftovers(t, dir)) != 1 {
			t.Errorf("while the handler runs there are %v", leftovers(t, dir))
		}
		if err := in.Cover.SaveAs(saved); err != nil {
			t.Error(err)
		}
		panic("not today")
	})
	r := formOf("title=x", "cover@a.txt=one")
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), r)
	}()
	if r.Pattern != "/inside" {
		t.Errorf("the pattern is %q", r.Pattern)
	}
	if found := leftovers(t, dir); len(found) > 0 {
		t.Errorf("after a panic: %v", found)
	}
	if text, err := os.ReadFile(saved); err != nil || string(text) != "one" {
		t.Errorf("%q, %v", text, err)
	}

	// Without a handler it is unknown when the files can be removed.
	_, err := bind.Body[album](formOf("title=x", "cover@a.txt=one"))
	if _, status := fields(asStatus(err)); status != 500 || len(leftovers(t, dir)) > 0 {
		t.Errorf("Body: %v, %v", err, leftovers(t, dir))
	}

	// A disk error is not the client's fault.
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	w := httptest.NewRecorder()
	var log testkit.Log
	bind.HandlerWith(bind.Config{Logger: log.Logger()}, show).ServeHTTP(w, formOf("title=x", "cover@a.txt=one"))
	if w.Code != 500 || len(log.Records()) != 1 || strings.Contains(w.Body.String(), dir) {
		t.Errorf("a disk that fails: %d %s, %d records", w.Code, w.Body, len(log.Records()))
	}
}

func TestNewRefusesFilesElsewhere(t *testing.T) {
	type inner struct{ File upload.File }
	for why, complaint := range map[string]string{
		"in a struct":         made[struct{ In inner }](nil),
		"in a list":           made[struct{ In []inner }](nil),
		"in a map":            made[struct{ In map[string]upload.File }](nil),
		"a pointer":           made[struct{ In *upload.File }](nil),
		"a pointer to all":    made[*album](nil),
		"a list of the whole": made[[]album](nil),
	} {
		if !strings.Contains(complaint, "upload.File") {
			t.Errorf("%s: New says %q", why, complaint)
		}
	}
	if complaint := made[struct {
		In  upload.File
		Any any
	}](nil); !strings.Contains(complaint, "which a form cannot carry") {
		t.Errorf("a field that no form can carry: New says %q", complaint)
	}
	for why, err := range map[string]error{
		"a query":     second(bind.Query[album](httptest.NewRequest("GET", "/?title=x", nil))),
		"form values": second(bind.Values[album](map[string][]string{"title": {"x"}})),
	} {
		if _, status := fields(asStatus(err)); status != 500 {
			t.Errorf("%s: %v", why, err)
		}
	}
	type Files struct{ File upload.File }
	type all struct {
		*Files
		Name string `schema:"name"`
	}
	h := bind.Handler(func(w http.ResponseWriter, r *http.Request, in all) error {
		fmt.Fprint(w, in.Name, in.File.Size())
		return nil
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, formOf("File@a=12345", "name=x"))
	if w.Code != 200 || w.Body.String() != "x5" {
		t.Errorf("an embedded pointer: %d %s", w.Code, w.Body)
	}
}

func TestValuesOfAnotherSource(t *testing.T) {
	type in struct {
		Name string `json:"name" validate:"required"`
		Tags []int  `json:"tags"`
	}
	values := map[string][]string{"name": {"x"}, "tags[1]": {"2"}, "tags[0]": {"1"}}
	got, err := bind.Values[in](values)
	if err != nil || fmt.Sprint(got) != "{x [1 2]}" || len(values) != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if got, status := fields(second(bind.Values[in](map[string][]string{"tags": {"x"}}))); status != 400 || got != "/tags/0 type" {
		t.Errorf("%d %s", status, got)
	}
	type lists struct {
		Tags  []int                `json:"tags" schema:",default:1|2"`
		Maybe bind.Optional[[]int] `json:"maybe" validate:"required"`
	}
	if got, _ := fields(second(bind.Values[lists](map[string][]string{"tags": {}, "maybe": nil}))); got != "/maybe required" {
		t.Errorf("names without a text: %s", got)
	}
	if got := outcome(bind.Values[lists](map[string][]string{"tags": {}, "maybe": {"5"}})); got != `{"tags":[1,2],"maybe":[5]}` {
		t.Errorf("names without a text: %s", got)
	}
	if got, status := fields(second(bind.Values[in](nil))); status != 422 || got != "/name required" {
		t.Errorf("%d %s", status, got)
	}
	if _, status := fields(asStatus(second(bind.Values[[]in](values)))); status != 500 {
		t.Errorf("a list: %d", status)
	}
}
