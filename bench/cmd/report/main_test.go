package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bench"
	"github.com/apiece/apiece/bench/internal/compare"
)

func newCommand(t *testing.T, only string) (*command, *bytes.Buffer) {
	progress := new(bytes.Buffer)
	return &command{
		dir:     t.TempDir(),
		options: compare.Options{Rounds: compare.MinRounds, Turn: 10 * time.Microsecond, Budget: time.Second},
		only:    regexp.MustCompile(only), partly: true,
		progress: progress,
		now:      func() time.Time { return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC) },
	}, progress
}

// TestReport measures a little, in tiny turns: that it works, not how fast.
func TestReport(t *testing.T) {
	c, progress := newCommand(t, "^stream/Encode|^cache/Stampede$")
	if err := c.run(t.Context(), bench.Page()); err != nil {
		t.Fatal(err)
	}
	if got := progress.String(); strings.Count(got, "\n") != 4 || !strings.Contains(got, "[  4/4] cache/Stampede") {
		t.Errorf("progress:\n%s", got)
	}
	page := read(t, c, "results.md")
	for _, want := range []string{
		"github.com/tmaxmax/go-sse v", // a version
		"routing/GithubAll: not measured", "| **EncodeShort**", "| **apiece AppendTo** |", "#### Stampede",
		"![Server-sent events](charts/events.svg)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("results.md does not have %q", want)
		}
	}
	if chart := read(t, c, "charts/events.svg"); !strings.Contains(chart, ">go-sse<") || strings.Contains(chart, "subscribers") {
		t.Error("the chart does not have all contenders, or has one that was not measured")
	}
	if targets := read(t, c, "targets.md"); !strings.Contains(targets, "stream/EncodeShort: apiece AppendTo / go-sse") {
		t.Error("targets.md does not have a target")
	}

	// Rendering alone gives the same page, and measuring one comparison again
	// changes its line alone.
	before := strings.Split(read(t, c, "results.json"), "\n")
	if err := os.Remove(c.file("results.md")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.file("charts/old.svg"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	c.renderOnly = true
	if err := c.run(t.Context(), bench.Page()); err != nil {
		t.Fatal(err)
	}
	if read(t, c, "results.md") != page {
		t.Error("rendered again, the page is another")
	}
	if _, err := os.Stat(c.file("charts/old.svg")); !os.IsNotExist(err) {
		t.Errorf("a chart stays that is no longer made: %v", err)
	}
	c.renderOnly, c.only = false, regexp.MustCompile("EncodeShort")
	if err := c.run(t.Context(), bench.Page()); err != nil {
		t.Fatal(err)
	}
	after := strings.Split(read(t, c, "results.json"), "\n")
	if len(after) != len(before) {
		t.Fatalf("%d lines, before %d", len(after), len(before))
	}
	for i := range after {
		if again := strings.Contains(before[i], `"EncodeShort"`); again == (after[i] == before[i]) {
			t.Errorf("line %d: measured again %t, the same %t", i+1, again, after[i] == before[i])
		}
	}
}

func TestReportRefuses(t *testing.T) {
	c, _ := newCommand(t, "no such thing")
	if err := c.run(t.Context(), bench.Page()); err == nil || !strings.Contains(err.Error(), "nothing matches") {
		t.Errorf("error %v", err)
	}
	c.renderOnly = true
	if err := c.run(t.Context(), bench.Page()); !os.IsNotExist(err) {
		t.Errorf("rendering nothing: error %v", err)
	}
	c, _ = newCommand(t, "EncodeShort")
	if err := os.WriteFile(c.file("results.json"), []byte(`{"machine":{"cpu":"another","go":"go1.0"}}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context(), bench.Page()); err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("samples of two machines in one file: error %v", err)
	}
}

func read(t *testing.T, c *command, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
