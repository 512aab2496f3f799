package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
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
		Title: "Sample", Intro: "An introduction.", Rules: "- A rule.",
		Suites: []compare.Suite{{
			Name: "letters", Text: "What is measured.",
			Comparisons: []compare.Comparison{{Name: "A"}, {Name: "Grow1"}, {Name: "Grow10"}, {Name: "Gone"}},
			Findings:    []compare.Finding{{Name: "Who", Text: "Who does what."}},
		}},
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
		Charts: []report.Chart{
			{File: "targets", Title: "Targets"},
			{File: "a", Suite: "letters", Title: "A", Of: "letters/A"},
			{File: "grow", Suite: "letters", Title: "Growing", Growth: "size", Size: "sizes"},
			{File: "memory", Suite: "letters", Title: "Memory", Growth: "size", Size: "sizes", Metric: "B/client"},
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

func TestMarkdown(t *testing.T) {
	page, data := sample()
	got := page.Markdown(data)
	const golden = "testdata/sample.md"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not what %s has (-update writes it):\n%s", golden, got)
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
	if got, want := page.Markdown(again), page.Markdown(data); got != want {
		t.Errorf("not the same page:\n%s", got)
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

// TestCharts: each is well-formed XML, has a title, and names only contenders that it shows.
func TestCharts(t *testing.T) {
	page, data := sample()
	for i, want := range [][]string{
		{"Targets", "letters/A: kit / fast", "letters/A: kit / slow", "3.00x", "0.20x"},
		{"kit", "30 ns", "slow", "100 ns", "fast"},
		{"Growing", "kit", "rival", "sizes", "200 ns"},
		{"Memory", "B/client"},
	} {
		chart := page.Charts[i]
		text, err := chart.SVG(data, page.Targets)
		if err != nil {
			t.Fatal(err)
		}
		// Blue for what is met, and orange for what is missed.
		if i == 0 && !(bytes.Contains(text, []byte("#005AC8")) && bytes.Contains(text, []byte("#C84600"))) {
			t.Errorf("%s does not show which target is missed", chart.File)
		}
		shown := texts(t, text)
		for _, s := range want {
			if !strings.Contains(shown, s) {
				t.Errorf("%s does not say %q:\n%s", chart.File, s, shown)
			}
		}
		for _, s := range []string{"absent", "empty"} {
			if strings.Contains(shown, s) {
				t.Errorf("%s says %q", chart.File, s)
			}
		}
	}
	for _, chart := range []report.Chart{{Of: "letters/Gone"}, {Growth: "nothing"}, {Of: "letters/A", Show: []string{"nobody"}}} {
		if text, err := chart.SVG(data, nil); text != nil || err != nil {
			t.Errorf("%+v: %d bytes, error %v", chart, len(text), err)
		}
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
