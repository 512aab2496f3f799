package bench_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apiece/apiece/bench"
	"github.com/apiece/apiece/bench/internal/report"
	"github.com/apiece/apiece/bench/service"
)

// TestTargets: each claim is about something that is measured, and each chart
// shows something.
func TestTargets(t *testing.T) {
	contenders, findings := map[string]bool{}, map[string]bool{}
	growths := map[string]bool{}
	for _, s := range bench.Suites() {
		seen := map[string]bool{}
		for _, c := range s.Comparisons {
			if seen[c.Name] {
				t.Errorf("%s/%s is there twice", s.Name, c.Name)
			}
			seen[c.Name] = true
			growths[c.Growth] = true
			contenders[s.Name+"/"+c.Name] = true
			for _, who := range c.Contenders {
				contenders[s.Name+"/"+c.Name+": "+who.Name] = true
			}
		}
		for _, f := range s.Findings {
			findings[s.Name+"/"+f.Name] = true
		}
	}
	for _, g := range service.Groups() {
		for _, metric := range service.Metrics() {
			for _, s := range service.Servers(g) {
				contenders["service/"+g+"/"+metric+": "+s] = true
			}
		}
	}
	for _, target := range bench.Targets() {
		for _, c := range target.Claims {
			if findings[c.Of] {
				continue
			}
			if !contenders[c.Of+": "+c.Kit] {
				t.Errorf("%s: nothing measures %q of %s", target.What, c.Kit, c.Of)
			}
			if c.To != "" && c.To != report.Fastest && !contenders[c.Of+": "+c.To] {
				t.Errorf("%s: nothing measures %q of %s", target.What, c.To, c.Of)
			}
			if c.Max == 0 && c.Min == 0 && c.What != "allocs" {
				t.Errorf("%s: a claim about %s has no bound", target.What, c.Of)
			}
		}
	}
	page := bench.Page()
	charts := append(page.Charts, page.Summary)
	for _, q := range page.Questions {
		charts = append(charts, q.Chart)
	}
	named := map[string]bool{}
	for at := range contenders {
		_, name, _ := strings.Cut(at, ": ")
		named[name] = true
	}
	for _, c := range charts {
		if c.Growth != "" && !growths[c.Growth] || c.Group != "" && !slices.Contains(service.Groups(), c.Group) || c.Growth == "" && c.Group == "" && c.Panels == nil {
			t.Errorf("chart %s shows nothing", c.File)
		}
		for _, p := range c.Panels {
			found := !strings.HasPrefix(p.Of, "service/") && contenders[p.Of]
			for _, name := range slices.Concat(p.Show, p.Best) {
				found = found || contenders[p.Of+": "+name]
				if !named[name] {
					t.Errorf("chart %s: there is no %q", c.File, name)
				}
			}
			if !found && !strings.HasPrefix(p.Of, "service/each promise/") {
				t.Errorf("chart %s: %s shows nothing", c.File, p.Of)
			}
		}
		for _, name := range c.Show {
			if !named[name] {
				t.Errorf("chart %s: there is no %q", c.File, name)
			}
		}
	}
	for name := range page.Names {
		if !named[name] {
			t.Errorf("there is no %q to be called %q", name, page.Names[name])
		}
	}
}

// TestRendered: the files in the tree are those that the data makes with the texts of
// today, and every question says which direction is better.
func TestRendered(t *testing.T) {
	text, err := os.ReadFile("results.json")
	if err != nil {
		t.Fatal(err)
	}
	data, err := report.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	page := bench.Page()
	files, err := page.Files(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what results.json makes: go -C bench run ./cmd/report -render (%v)", name, err)
		}
	}
	charts, err := filepath.Glob("charts/*.svg")
	for _, name := range charts {
		if files[filepath.ToSlash(name)] == nil {
			t.Errorf("%s is made of nothing", name)
		}
		legible(t, name)
	}
	if err != nil || len(charts) < len(page.Questions) {
		t.Errorf("%d charts, error %v", len(charts), err)
	}
	results := string(files["results.md"])
	for _, q := range page.Questions {
		_, section, _ := strings.Cut(results, "\n## "+q.Title+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !strings.Contains(section, " is better") || strings.Count(section, "](charts/") != 1 {
			t.Errorf("%s: no direction, or not one chart:\n%s", q.Title, section)
		}
	}
}

// legible checks that the texts of a chart lie within it and do not overlap, and that
// they are at least 12 px high where it is 390 px wide.
func legible(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var chart struct {
		Width float64 `xml:"width,attr"`
		Style string  `xml:"style"`
		Texts []label `xml:"text"`
		Lines []struct {
			Texts []label `xml:"text"`
		} `xml:"g"`
	}
	if err := xml.Unmarshal(text, &chart); err != nil {
		t.Fatal(err)
	}
	for _, line := range chart.Lines {
		chart.Texts = append(chart.Texts, line.Texts...)
	}
	var points int
	_, err = fmt.Sscanf(chart.Style, "text{font:%dpx", &points)
	size := float64(points)
	if err != nil || size*390/chart.Width < 12 || !strings.Contains(chart.Style, "prefers-color-scheme:dark") {
		t.Errorf("%s: text of %v in a width of %v (%v)", name, size, chart.Width, err)
	}
	for i, a := range chart.Texts {
		from, to := a.extent(size)
		if from < 0 || to > chart.Width {
			t.Errorf("%s: %q is from %.0f to %.0f", name, a.Text, from, to)
		}
		for _, b := range chart.Texts[:i] {
			if begin, end := b.extent(size); from < end && begin < to && math.Abs(a.Y-b.Y) < size {
				t.Errorf("%s: %q and %q overlap", name, a.Text, b.Text)
			}
		}
	}
}

type label struct {
	X     float64 `xml:"x,attr"`
	Y     float64 `xml:"y,attr"`
	Class string  `xml:"class,attr"`
	Text  string  `xml:",chardata"`
}

// extent is about where a text begins and ends: letters are half as wide as high.
func (l label) extent(size float64) (from, to float64) {
	w := size * 0.52 * float64(utf8.RuneCountInString(l.Text))
	switch class := strings.Fields(l.Class); {
	case slices.Contains(class, "e"):
		return l.X - w, l.X
	case slices.Contains(class, "m"):
		return l.X - w/2, l.X + w/2
	}
	return l.X, l.X + w
}

func TestRules(t *testing.T) {
	rules := bench.Page().Rules
	if n := strings.Count("\n"+rules, "\n- "); n < 5 || strings.Contains(rules, "//") {
		t.Errorf("%d rules:\n%s", n, rules)
	}
}
