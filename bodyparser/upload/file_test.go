package upload_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
)

// spool puts all files of a form into dir.
func spool(w http.ResponseWriter, r *http.Request, cfg upload.Config, dir string) (files []upload.File, err error) {
	_, err = upload.Form(w, r, cfg, func(p *upload.Part) error {
		f, err := p.Spool(dir)
		files = append(files, f)
		return err
	})
	return files, err
}

func TestPartSpool(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 100_000)
	files, err := spool(httptest.NewRecorder(), request(file("a", "a.txt", "one")+file("a", "a.txt", long)+file("b", "../b", "")+end), upload.Config{}, dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	target := filepath.Join(t.TempDir(), "target")
	for i, want := range []struct{ name, text string }{{"a.txt", "one"}, {"a.txt", long}, {"b", ""}} {
		f := files[i]
		if f.IsZero() || f.FileName() != want.name || f.ContentType() != "text/plain" || f.Size() != int64(len(want.text)) {
			t.Errorf("%d: %q %q %d", i, f.FileName(), f.ContentType(), f.Size())
		}
		for range 2 { // SaveAs copies
			if err := f.SaveAs(target); err != nil {
				t.Error(err)
			}
			if text, err := os.ReadFile(target); err != nil || string(text) != want.text {
				t.Errorf("%d: saved %.20q, %v", i, text, err)
			}
		}
		src, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(src)
		if err := errors.Join(err, src.Close()); err != nil || string(text) != want.text {
			t.Errorf("%d: read %.20q, %v", i, text, err)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*")); len(found) != 3 {
		t.Errorf("there are %v", found)
	}
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(target), ".*")); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
}

func TestPartSpoolFails(t *testing.T) {
	dir := t.TempDir()
	for why, test := range map[string]struct {
		body, dir string
		status    int // 0 for an error without a status
	}{
		"a file over its bound": {file("a", "a", "more than ten") + end, dir, 413},
		"half a file":           {strings.TrimSuffix(file("a", "a", "one"), "\r\n"), dir, 400},
		"no such directory":     {file("a", "a", "one") + end, filepath.Join(dir, "missing"), 0},
	} {
		_, err := spool(httptest.NewRecorder(), request(test.body), upload.Config{FileLimit: 10 * bytesize.B}, test.dir)
		var refused *upload.Error
		switch {
		case test.status == 0 && !errors.Is(err, fs.ErrNotExist), test.status != 0 && (!errors.As(err, &refused) || refused.Status != test.status):
			t.Errorf("%s: %v", why, err)
		}
		if found, _ := filepath.Glob(filepath.Join(dir, "*")); len(found) != 0 {
			t.Errorf("%s: left behind: %v", why, found)
		}
	}
}

func TestFileZero(t *testing.T) {
	var f upload.File
	if _, err := f.Open(); !errors.Is(err, fs.ErrNotExist) || !f.IsZero() || f.Size() != 0 {
		t.Errorf("%v, %d", err, f.Size())
	}
	if err := f.SaveAs(filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
