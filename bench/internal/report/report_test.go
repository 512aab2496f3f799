package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/report"
	"github.com/apiece/apiece/bench/service"
)

var update = flag.Bool("update", false, "write the golden files")

// sample has one of everything: a target that is met, one that is missed and one that
// was not measured, a faster rival, one that refuses, work that grows, and a failed
// finding.
func sample() (report.Page, *report.Data) {
	page := report.Page{
		Title: "Sample", Intro: "An introduction.", Rules: "- A rule.", Goals: "For those who work on it.",
		Names: report.Names{"slow": "slow and steady"},
		Questions: []report.Question{
			{Title: "Letters", Text: "They are written.", Chart: report.Chart{File: "letters", Title: "A letter", Value: "Time for a letter", Panels: []report.Panel{
				{Heading: "One", Of: "letters/A"}, {Heading: "Ten", Of: "letters/Grow10"}, {Heading: "None", Of: "letters/Gone"},
			}}},
			{Title: "Servers", Text: "They are asked.", Chart: report.Chart{File: "servers", Title: "A server", Value: "Requests per second of CPU", Group: "equal promises"}},
			{Title: "Nothing", Text: "It takes long.", Chart: report.Chart{File: "nothing", Title: "Nothing", Panels: []report.Panel{{Of: "letters/Gone"}}}},
		},
		Suites: []compare.Suite{{
			Name: "letters", Text: "What is measured: `kit`, and not the kit.",
			Comparisons: []compare.Comparison{{Name: "A"}, {Name: "Grow1"}, {Name: "Grow10"}, {Name: "Gone"}},
			Findings:    []compare.Finding{{Name: "Who", Text: "Who does what."}},
		}},
		Summary: report.Chart{File: "summary", Title: "In short", Value: "CPU time", Time: true, Panels: []report.Panel{
			{Heading: "A letter", Of: "letters/A", Show: []string{"kit"}, Best: []string{"slow", "fast"}},
			{Heading: "A request", Of: "service/equal promises/GET", Show: []string{"apiece", "net/http"}, Best: []string{"other", "another"}},
		}},
		Charts: []report.Chart{
			{File: "grow", Suite: "letters", Title: "Growing", Value: "Time for a letter", Growth: "size", Size: "sizes"},
			{File: "memory", Suite: "letters", Title: "Memory", Value: "Bytes", Growth: "size", Size: "sizes", Metric: "B/client"},
		},
		Targets: []report.Target{
			{What: "fast", Claims: []report.Claim{
				{Of: "letters/A", Kit: "kit", To: report.Fastest, Max: 2.75},
				{Of: "letters/A", Kit: "kit", To: "slow", Max: 0.5},
				{Of: "letters/A", Kit: "kit", What: "allocs", Max: 1},
				{Of: "letters/A", Kit: "kit", Max: 10},
			}},
			{What: "right", Note: "it was tried.", Claims: []report.Claim{
				{Of: "letters/Who", Kit: "received", Min: 600},
				{Of: "letters/Gone", Kit: "kit", To: "slow", Max: 1},
				{Of: "service/equal promises/GET", Kit: "apiece", To: report.Fastest, What: "requests per CPU second", Min: 1.5},
				{Of: "service/equal promises/GET", Kit: "apiece", To: "other", What: "requests per CPU second", Min: 3},
				{Of: "service/same promises/GET", Kit: "apiece", To: "other", What: "requests per CPU second", Min: 1},
			}},
		},
	}
	data := &report.Data{Machine: report.Machine{
		CPU: "A CPU", Cores: 2, Platform: "linux/amd64", Go: "go1.26", Date: "2026-11-21", How: "Three rounds.",
		Modules: map[string]string{"example.org/slow": "v1.2.3"},
	}}
	data.Add(compare.Result{Suite: "letters", Name: "A", Text: "a | b", Unit: "letter", Subtract: "empty", Date: "2026-11-21", Samples: []compare.Sample{
		{Name: "empty", Role: compare.Floor, NS: []float64{1, 1, 1}},
		{Name: "kit", Role: compare.Kit, NS: []float64{21, 31, 41}, Allocs: 1, Bytes: 16},
		{Name: "fast", Role: compare.Rival, NS: []float64{11, 11, 11}, Allocs: 1.5},
		{Name: "slow", Role: compare.Rival, Module: "example.org/slow", NS: []float64{101, 101, 201}},
		{Name: "absent", Role: compare.Rival, Error: "refuses: no"},
	}})
	for _, size := range []float64{1, 10} {
		name := map[float64]string{1: "Grow1", 10: "Grow10"}[size]
		data.Add(compare.Result{Suite: "letters", Name: name, Unit: "letter", Growth: "size", Size: size, Samples: []compare.Sample{
			{Name: "kit", Role: compare.Kit, NS: []float64{10 * size}, Metrics: map[string]float64{"B/client": 100}},
			{Name: "rival", Role: compare.Rival, NS: []float64{30 * size}, Metrics: map[string]float64{"B/client": 200}},
		}})
	}
	data.AddFinding(report.Finding{Suite: "letters", Name: "Who", Error: "it does not", Table: compare.Table{
		Columns: []string{"who", "what"}, Rows: [][]string{{"kit", "599 of 600"}}, Values: map[string]float64{"received": 599},
	}})
	data.AddService(&service.Result{
		Text:    "What is compared.",
		Servers: []service.Server{{Name: "net/http", Version: "go1.26"}, {Name: "other", Version: "v1", Weaker: []string{"no limit"}}},
		Rows:    []service.Row{{Metric: "CPU", Server: "net/http", Unit: "requests/s", Median: 12345, Low: 12000, High: 13000, RatioToBare: 1, RatioLow: 1, RatioHigh: 1}},
	})
	data.AddService(&service.Result{
		Options: service.Options{Group: "equal promises"},
		Servers: []service.Server{{Name: "apiece"}, {Name: "other"}},
		Rows: []service.Row{
			{Metric: "GET", Server: "apiece", Unit: "requests per CPU second", Higher: true, Median: 20, Values: []float64{20, 20, 30}},
			{Metric: "GET", Server: "net/http", Unit: "requests per CPU second", Higher: true, Median: 90, Values: []float64{90, 90, 90}},
			{Metric: "GET", Server: "other", Unit: "requests per CPU second", Higher: true, Median: 8, Values: []float64{8, 8, 8}},
			{Metric: "GET", Server: "another", Unit: "requests per CPU second", Higher: true, Median: 10, Values: []float64{10, 10, 10}},
		},
	})
	return page, data
}

func render(t *testing.T, page report.Page, data *report.Data) map[string][]byte {
	t.Helper()
	files, err := page.Files(data)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestPages(t *testing.T) {
	page, data := sample()
	files := render(t, page, data)
	for _, name := range []string{"results.md", "targets.md"} {
		golden := "testdata/" + name
		if *update {
			if err := os.WriteFile(golden, files[name], 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(files[name], want) {
			t.Errorf("not what %s has (-update writes it):\n%s", golden, files[name])
		}
	}
}

// TestMarshal: what is read back makes the same page.
func TestMarshal(t *testing.T) {
	page, data := sample()
	text, err := data.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := report.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(render(t, page, again), render(t, page, data), bytes.Equal) {
		t.Error("not the same files")
	}
	if _, err := report.Parse([]byte("{}\n{")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want one that names the line", err)
	}
}

func TestAdd(t *testing.T) {
	page, data := sample()
	before := len(data.Results)
	data.Add(compare.Result{Suite: "letters", Name: "A", Unit: "measured again"})
	if len(data.Results) != before || data.Results[0].Unit != "measured again" {
		t.Errorf("%d results, the first %+v", len(data.Results), data.Results[0])
	}
	data.Add(compare.Result{Suite: "letters", Name: "Removed"})
	data.AddFinding(report.Finding{Suite: "letters", Name: "Removed"})
	data.Keep(page.Suites)
	if len(data.Results) != before || len(data.Findings) != 1 {
		t.Errorf("%d results and %d findings are kept", len(data.Results), len(data.Findings))
	}
}

// TestCharts: each is well-formed XML, says which direction is better, and names only
// contenders that it shows.
func TestCharts(t *testing.T) {
	page, data := sample()
	files := render(t, page, data)
	for name, want := range map[string][]string{
		"letters": {"A letter", "lower is better", "One", "apiece", "30 ns", "slow and steady", "100 ns", "fast", "Ten", "rival"},
		"servers": {"higher is better", "GET", "apiece", "net/http", "another", "20", "90"},
		"summary": {"lower is better", "apiece", "fast", "50 ms", "net/http", "another"}, // 20 requests per second
		"grow":    {"Growing", "apiece", "rival", "sizes", "100 ns", "lower is better"},
		"memory":  {"Memory", "Bytes, lower is better"},
	} {
		shown := texts(t, files["charts/"+name+".svg"])
		for _, s := range want {
			if !strings.Contains(shown, s) {
				t.Errorf("%s does not say %q:\n%s", name, s, shown)
			}
		}
		for _, s := range []string{"absent", "empty", "kit", "None"} {
			if strings.Contains(shown, "\n"+s+"\n") {
				t.Errorf("%s says %q", name, s)
			}
		}
	}
	if shown := texts(t, files["charts/summary.svg"]); strings.Contains(shown, "slow") || strings.Contains(shown, "other\n125") {
		t.Errorf("the summary has more than the best of the others:\n%s", shown)
	}
	if files["charts/nothing.svg"] != nil {
		t.Error("a chart shows nothing")
	}
	page.Names["slow"] = strings.Repeat("slow and steady ", 3)
	if _, err := page.Files(data); err == nil || !strings.Contains(err.Error(), "letters") {
		t.Errorf("a name leaves no room for bars: error %v", err)
	}
}

func texts(t *testing.T, svg []byte) string {
	var out strings.Builder
	for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok {
			out.Write(text)
			out.WriteByte('\n')
		}
	}
}

func TestMachine(t *testing.T) {
	if _, err := report.ThisMachine("", "", []string{"example.org/nowhere"}); err == nil {
		t.Error("the version of a module is known that is not in the build")
	}
	suites := []compare.Suite{{Comparisons: []compare.Comparison{{Contenders: []compare.Contender{{Module: "b"}, {Module: "a"}, {Module: "b"}, {}}}}}}
	if got := strings.Join(report.Modules(suites, "c"), " "); got != "a b c" {
		t.Errorf("modules %q", got)
	}
}
