package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNginxBlocks: nginx accepts the configuration that a page shows. Its effect on
// events is tested in internal/browsertest.
func TestNginxBlocks(t *testing.T) {
	blocks := 0
	for _, p := range markdownPages(t) {
		for _, f := range p.fences {
			if f.language != "nginx" {
				continue
			}
			blocks++
			nginx, err := exec.LookPath("nginx")
			if err != nil {
				if strings.Contains(os.Getenv("APIECE_REQUIRE"), "nginx") {
					t.Fatalf("APIECE_REQUIRE names nginx: %v", err)
				}
				t.Skipf("set APIECE_REQUIRE=nginx to fail instead: %v", err)
			}
			dir := t.TempDir()
			config := filepath.Join(dir, "nginx.conf")
			text := fmt.Sprintf("pid %s/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\nserver {\nlisten 127.0.0.1:1;\n%s}\n}\n", dir, f.text)
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if said, err := exec.Command(nginx, "-t", "-p", dir, "-c", config).CombinedOutput(); err != nil && !strings.Contains(string(said), "syntax is ok") {
				t.Errorf("%s:%d: %v\n%s", p.name, f.line, err, said)
			}
		}
	}
	if blocks == 0 {
		t.Error("no page has a block for nginx")
	}
}
