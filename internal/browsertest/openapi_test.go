package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenAPI: the documents of the recipe compose/openapi are valid by the schema of
// OpenAPI 3.1, and openapi-typescript generates types from them.
func TestOpenAPI(t *testing.T) {
	if err := npm(); err != nil {
		missing(t, "node", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	validate := func(file string) error {
		out, err := exec.CommandContext(ctx, "node", "testdata/node/openapi.mjs", file).CombinedOutput()
		if err != nil {
			t.Logf("%s: %.2000s", filepath.Base(file), out)
		}
		return err
	}
	documents := filepath.Join("..", "..", "examples", "compose", "openapi", "testdata")
	for _, name := range []string{"openapi.json", "names.json"} {
		if err := validate(filepath.Join(documents, name)); err != nil {
			t.Errorf("%s is not valid: %v", name, err)
		}
	}
	document, err := os.ReadFile(filepath.Join(documents, "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(document), `"in": "path"`, `"in": "road"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if validate(broken) == nil {
		t.Error("a parameter in a place that there is not is valid")
	}

	if err := os.CopyFS(dir, os.DirFS("testdata/openapi")); err != nil {
		t.Fatal(err)
	}
	openapi := exec.CommandContext(ctx, "testdata/node/node_modules/.bin/openapi-typescript", filepath.Join(documents, "openapi.json"), "-o", filepath.Join(dir, "api.ts"))
	if out, err := openapi.CombinedOutput(); err != nil {
		t.Fatalf("openapi-typescript: %v\n%s", err, out)
	}
	compile(ctx, t, dir, "--noEmit", "use.ts")
}
