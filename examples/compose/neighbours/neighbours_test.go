package neighbours_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/httprate"
	"github.com/justinas/alice"
	"github.com/justinas/nosurf"
	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/middlewaretest"
)

type layer = func(http.Handler) http.Handler

// A neighbour is a library, and the checks that fail for it alone, with the kit
// inside of it, and inside of the kit.
type neighbour struct {
	name                   string // as the table has it
	layer                  layer
	alone, outside, inside []string
	why                    string
}

var (
	pattern = []string{"http1/pattern", "http2/pattern"}
	plain   = []string{"http1/read-from", "http1/close-notifier", "http2/close-notifier", "http2/pusher"}
	both    = slices.Concat(pattern, plain)
	zipped  = []string{"http1/read-from", "http1/close-notifier", "http2/pusher"}
)

const (
	asIs   = "hands on writer and request as they are"
	copies = "hands on a copy of the request, whose pattern stays there"
)

func list(t *testing.T) []neighbour {
	compress, err := gzhttp.NewWrapper()
	if err != nil {
		t.Fatal(err)
	}
	all := []neighbour{
		{"[CrossOriginProtection](csrf)", http.NewCrossOriginProtection().Handler, nil, nil, nil, asIs},
		{"[rs/cors](cors)", cors.Default().Handler, nil, nil, nil, asIs},
		{"[httprate](ratelimit)", httprate.LimitBy(1e6, time.Hour, httprate.Key("")), nil, nil, nil, asIs},
		{"[nosurf](csrf)", nosurf.NewPure, pattern, pattern, pattern, copies},
		{"[otelhttp](otel)", otelhttp.NewMiddleware(""), pattern, pattern, pattern, copies},
		{"[scs](session)", scs.New().LoadAndSave, both, pattern, both, copies + "; its writer has `http.Hijacker` and nothing else"},
		{"[gzhttp](gzip)", func(h http.Handler) http.Handler { return compress(h) }, zipped, nil, zipped, "its writer has less than the server's, compressing or not"},
	}
	layers := make([]alice.Constructor, 0, len(all))
	for _, n := range all {
		layers = append(layers, n.layer)
	}
	return append(all, neighbour{"all seven at once", alice.New(layers...).Then, both, pattern, both, "as each of them"})
}

func TestNeighbours(t *testing.T) {
	kit := middleware.New(middleware.Config{MaxDuration: time.Minute, WarnUnresolved: true, Logger: slog.New(slog.DiscardHandler)})
	for _, n := range list(t) {
		t.Run(n.name, func(t *testing.T) {
			t.Run("alone", func(t *testing.T) { middlewaretest.Run(t, n.layer, n.alone...) })
			t.Run("outside", func(t *testing.T) { middlewaretest.Run(t, alice.New(n.layer, kit).Then, n.outside...) })
			t.Run("inside", func(t *testing.T) { middlewaretest.Run(t, alice.New(kit, n.layer).Then, n.inside...) })
		})
	}
}

// TestReadmeTable: the README has the results of TestNeighbours.
func TestReadmeTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| | alone | outside of the kit | inside of the kit | because it |\n|---|---|---|---|---|\n")
	for _, n := range list(t) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", n.name, cell(n.alone), cell(n.outside), cell(n.inside), n.why)
	}
	t.Logf("\n%s", &b)
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "\n\n"+b.String()+"\n") {
		t.Error("the README does not have the table above: copy it there")
	}
}

// cell names the checks that fail, those of both protocols once.
func cell(fails []string) string {
	var names []string
	for _, name := range fails {
		_, check, _ := strings.Cut(name, "/")
		if check = "`" + check + "`"; !slices.Contains(names, check) {
			names = append(names, check)
		}
	}
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}

// TestReadmeIndex: the README lists every recipe, and no others.
func TestReadmeIndex(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "internal" && !strings.Contains(string(readme), "| ["+entry.Name()+"]("+entry.Name()+") |") {
			t.Errorf("%s is not in the index of the README", entry.Name())
		}
	}
	for line := range strings.Lines(string(readme)) {
		for _, rest := range strings.Split(line, "](")[1:] {
			folder, _, _ := strings.Cut(rest, ")")
			if info, err := os.Stat("../" + folder); err != nil || !strings.HasSuffix(folder, ".md") && !info.IsDir() {
				t.Errorf("the README links to %s, which is neither a folder nor a page", folder)
			}
		}
	}
}
