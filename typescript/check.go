package typescript

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
)

// T is what Check uses of a [testing.T].
type T interface {
	Helper()                           // excludes Check from the reported line
	Errorf(format string, args ...any) // once if the file differs
	Logf(format string, args ...any)   // once for a written file
}

// Check fails the test if the file differs from what [Write] writes for h. With
// UPDATE=1 in the environment, or the flag -update in packages that define one for
// their golden files, it writes the file instead:
//
//	UPDATE=1 go test -run TestTypes ./internal/web
//
// The name of the file is relative to the directory of the package. Lines may
// end in CRLF, as git checks them out on Windows.
func Check(t T, file string, h http.Handler) {
	t.Helper()
	CheckWith(t, file, h, Config{})
}

// CheckWith is [Check] with a Config.
func CheckWith(t T, file string, h http.Handler, cfg Config) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, h, cfg); err != nil {
		t.Errorf("%v", err)
		return
	}
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("typescript: %v", err)
		return
	}
	if err == nil && bytes.Equal(bytes.ReplaceAll(old, []byte("\r\n"), []byte("\n")), b.Bytes()) {
		return
	}
	if !update() {
		t.Errorf("typescript: %s is not what the routes say%s; write it with: UPDATE=1 go test", file, firstDifference(old, b.Bytes()))
		return
	}
	if err := write(file, b.Bytes()); err != nil {
		t.Errorf("typescript: %v", err)
		return
	}
	t.Logf("typescript: wrote %s", file)
}

// update reports whether to write files.
func update() bool {
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		return true
	}
	v := os.Getenv("UPDATE")
	return v != "" && v != "0" && v != "false"
}

// write replaces the file atomically, since a bundler may watch it.
func write(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".api-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// firstDifference says where two texts differ.
func firstDifference(old, now []byte) string {
	if old == nil {
		return ": there is no such file"
	}
	was, is := bytes.Split(old, []byte("\n")), bytes.Split(now, []byte("\n"))
	for i := range min(len(was), len(is)) {
		if w := bytes.TrimSuffix(was[i], []byte("\r")); !bytes.Equal(w, is[i]) {
			return fmt.Sprintf("\nline %d: %s\n   want: %s\n", i+1, w, is[i])
		}
	}
	return fmt.Sprintf(": it has %d lines, want %d", len(was), len(is))
}
