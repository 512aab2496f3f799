//go:build unix

package nextfs_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
)

// TestScanSpecialFiles: a pipe without a writer and an endless device are not routes,
// and not even opened.
func TestScanSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"app/pipe", "app/device", "app/linked", "app/ok", "pages/api"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "app/pipe/route.ts"), 0o644); err != nil {
		t.Skip("no pipes here:", err)
	}
	for name, to := range map[string]string{
		"app/device/route.ts": "/dev/zero",
		"app/linked/route.ts": "../pipe/route.ts",
		"pages/api/zero.ts":   "/dev/zero",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "app/ok/route.ts"), []byte("export * from '../pipe/route'\nexport const GET = 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Nor are they read in place of other files.
	for _, name := range []string{"tsconfig.json", "public"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	routes, err := nextfs.Scan(os.DirFS(dir))
	text := fmt.Sprint(err)
	for _, name := range []string{"app/pipe/route.ts", "app/device/route.ts", "app/linked/route.ts", "pages/api/zero.ts"} {
		if !strings.Contains(text, name+" is not a regular file") {
			t.Errorf("%s is not named in: %s", name, text)
		}
	}
	if len(routes) != 1 || routes[0].File != "app/ok/route.ts" || !strings.Contains(routes[0].Unknown, "../pipe/route") {
		t.Errorf("%v", routes)
	}
}

// TestCheckSpecialPublicFiles: files of the directory public are listed, but not opened.
func TestCheckSpecialPublicFiles(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"app/[slug]", "public/sub"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "app/[slug]/route.ts"), []byte("export * from '@/x'"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "public/pipe"), 0o644); err != nil {
		t.Skip("no pipes here:", err)
	}
	for name, to := range map[string]string{"public/zero": "/dev/zero", "public/sub/up": "..", "tsconfig.json": "/dev/zero"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	h, err := pattern.NewHandler(map[string]http.Handler{"/[slug]": http.NotFoundHandler()}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var got fakeT
	nextfs.Check(&got, os.DirFS(dir), h)
	if got := lines(t, got.breaks); got != "files are answered by the handler of /[slug]: public/pipe, public/zero" {
		t.Errorf("%s", got)
	}
}
