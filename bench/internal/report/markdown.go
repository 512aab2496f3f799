package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/service"
)

// A Page has the text and charts around the results.
type Page struct {
	Title     string
	Intro     string // Markdown
	Rules     string // what makes the comparison a fair one, Markdown
	Names     Names
	Questions []Question
	Suites    []compare.Suite
	Charts    []Chart // of growth, with their suites
	Summary   Chart   // for the front page of the project
	Targets   []Target
	Goals     string // what the page of the targets begins with, Markdown
}

// A Question is what a reader wants to know, and the chart that shows it.
type Question struct {
	Title string
	Text  string // what is compared, in a sentence
	Chart Chart
}

// Files are all files that are made of the data, by their paths.
func (p Page) Files(d *Data) (map[string][]byte, error) {
	files := map[string][]byte{"results.md": []byte(p.results(d)), "targets.md": []byte(p.targets(d))}
	charts := append(slices.Clone(p.Charts), p.Summary)
	for _, q := range p.Questions {
		charts = append(charts, q.Chart)
	}
	for _, c := range charts {
		text, err := c.SVG(d, p.Names)
		if err != nil {
			return nil, err
		}
		if text != nil {
			files["charts/"+c.File+".svg"] = text
		}
	}
	return files, nil
}

// results is the page: first what a reader asks, with what the kit loses, then all figures.
func (p Page) results(d *Data) string {
	var out strings.Builder
	m := d.Machine
	fmt.Fprintf(&out, "# %s\n\n%s\n\n", p.Title, p.Intro)
	fmt.Fprintf(&out, "Measured on %s, %d cores, %s, %s, %s, and rendered from the samples in [results.json](results.json), by `go -C bench run ./cmd/report`. Ratios hold within one run.\n\n", m.CPU, m.Cores, m.Platform, m.Go, m.Date)
	for _, q := range p.Questions {
		fmt.Fprintf(&out, "## %s\n\n%s\n\n%s\n\n", q.Title, q.Text, q.Chart.verdict(d, p.Names))
		p.chart(&out, d, q.Chart)
	}
	p.losses(&out, d)
	fmt.Fprintf(&out, "## Rules\n\n%s\n\n%s\n\n", p.Rules, m.How)
	var versions []string
	for _, path := range slices.Sorted(maps.Keys(m.Modules)) {
		versions = append(versions, fmt.Sprintf("%s %s", path, m.Modules[path]))
	}
	fmt.Fprintf(&out, "## Versions\n\n%s.\n\n## All figures\n\n", strings.Join(versions, ", "))
	for _, s := range p.Suites {
		p.suite(&out, d, s)
	}
	endToEnd(&out, d)
	return out.String()
}

// chart shows a chart, if its data was measured.
func (p Page) chart(out *strings.Builder, d *Data, c Chart) {
	if text, err := c.SVG(d, p.Names); text != nil && err == nil {
		fmt.Fprintf(out, "![%s](charts/%s.svg)\n\n", c.Title, c.File)
	}
}

// losses are all rivals that are faster.
func (p Page) losses(out *strings.Builder, d *Data) {
	var slower []string
	for _, s := range p.Suites {
		for _, c := range s.Comparisons {
			r := d.result(s.Name + "/" + c.Name)
			if r == nil {
				slower = append(slower, fmt.Sprintf("- %s/%s: not measured", s.Name, c.Name))
				continue
			}
			if behind := p.ahead(r); len(behind) > 0 {
				slower = append(slower, fmt.Sprintf("- %s/%s: %s", s.Name, c.Name, strings.Join(behind, ", ")))
			}
		}
	}
	fmt.Fprintf(out, "## Where apiece is slower\n\n")
	list(out, "Each rival that takes less time than the piece that does the same, by more than 3% and in three quarters of the rounds:", slower, "No rival is faster.")
}

func list(out *strings.Builder, title string, items []string, none string) {
	if len(items) == 0 {
		fmt.Fprintf(out, "%s\n\n", none)
		return
	}
	fmt.Fprintf(out, "%s\n\n%s\n\n", title, strings.Join(items, "\n"))
}

// ahead names the rivals that are faster, with what the kit takes relative to
// them.
func (p Page) ahead(r *compare.Result) (found []string) {
	for i := range r.Samples {
		s := &r.Samples[i]
		kit := r.Main(s.Class)
		if s.Error != "" || s.Role != compare.Rival || kit == nil || kit.Class != s.Class {
			continue
		}
		if x := r.Ratio(kit, s); x.Low > 1 && x.Median > much {
			found = append(found, fmt.Sprintf("%s takes %s the time of %s", p.Names.of(kit.Name), ratio(x.Median), p.Names.of(s.Name)))
		}
	}
	return found
}

// targets is the page of the targets.
func (p Page) targets(d *Data) string {
	var rows [][]string
	var notes []string
	met := 0
	for _, t := range p.Targets {
		what, before := t.What, met
		for _, c := range t.Claims {
			v := d.Judge(c)
			rows = append(rows, []string{what, v.Label(p.Names), v.Bound(), v.Figure(), v.Middle(), v.Outcome()})
			what = ""
			if v.Met {
				met++
			}
		}
		if met-before < len(t.Claims) && t.Note != "" {
			notes = append(notes, fmt.Sprintf("- **%s**: %s", t.What, t.Note))
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "# Targets\n\n%s\n\n%d of %d figures are met.\n\n", p.Goals, met, len(rows))
	table(&out, []string{"what", "figure", "target", "median", "quartiles", "verdict"}, func(row func(...string)) {
		for _, cells := range rows {
			row(cells...)
		}
	})
	list(&out, "Where targets are missed, what takes the time and what was tried:", notes, "")
	return strings.TrimSpace(out.String()) + "\n"
}

// named are the names in a text about a suite.
var named = regexp.MustCompile("`[^`]+`")

// suite is a table of everything that was measured of one piece.
func (p Page) suite(out *strings.Builder, d *Data, s compare.Suite) {
	text := named.ReplaceAllStringFunc(s.Text, func(name string) string { return "`" + p.Names.of(strings.Trim(name, "`")) + "`" })
	fmt.Fprintf(out, "### All of %s\n\n%s\n\n", s.Name, text)
	for _, c := range p.Charts {
		if c.Suite == s.Name {
			p.chart(out, d, c)
		}
	}
	metrics := metricsOf(d, s)
	table(out, append([]string{"case", "contender", "time", "apiece / it", "quartiles", "B", "allocs"}, metrics...), func(row func(...string)) {
		for _, c := range s.Comparisons {
			r := d.result(s.Name + "/" + c.Name)
			if r == nil {
				continue
			}
			name := fmt.Sprintf("**%s**, a %s: %s", r.Name, r.Unit, r.Text)
			if r.Text == "" {
				name = fmt.Sprintf("**%s**, a %s", r.Name, r.Unit)
			}
			for i := range r.Samples {
				row(append([]string{name}, p.contender(r, &r.Samples[i], metrics)...)...)
				name = ""
			}
		}
	})
	for _, f := range s.Findings {
		found := d.finding(s.Name + "/" + f.Name)
		if found == nil {
			continue
		}
		fmt.Fprintf(out, "#### %s\n\n%s\n\n", f.Name, f.Text)
		if found.Error != "" {
			fmt.Fprintf(out, "apiece does not do what it should: %s\n\n", found.Error)
		}
		table(out, p.renamed(found.Table.Columns), func(row func(...string)) {
			for _, cells := range found.Table.Rows {
				row(p.renamed(cells)...)
			}
		})
	}
}

func (p Page) renamed(cells []string) (named []string) {
	for _, cell := range cells {
		named = append(named, p.Names.of(cell))
	}
	return named
}

func (p Page) contender(r *compare.Result, who *compare.Sample, metrics []string) []string {
	name := p.Names.of(who.Name)
	if who.Role == compare.Kit {
		name = "**" + name + "**"
	}
	if who.Error != "" {
		return append([]string{name, fmt.Sprintf("does not take part: it %.150s", who.Error), "", "", "", ""}, make([]string, len(metrics))...)
	}
	of, middle := "", ""
	if kit := r.Main(who.Class); kit != nil && kit != who && who.Name != r.Subtract {
		x := r.Ratio(kit, who)
		of, middle = ratio(x.Median), ratio(x.Low)+" – "+ratio(x.High)
	}
	cells := []string{name, duration(r.Time(who).Median), of, middle, number(who.Bytes), number(who.Allocs)}
	for _, m := range metrics {
		cell := ""
		if x, ok := who.Metrics[m]; ok {
			cell = number(x)
		}
		cells = append(cells, cell)
	}
	return cells
}

// metricsOf are the further columns of a suite.
func metricsOf(d *Data, s compare.Suite) []string {
	found := make(map[string]bool)
	for _, r := range d.Results {
		if r.Suite != s.Name {
			continue
		}
		for _, who := range r.Samples {
			for m := range who.Metrics {
				found[m] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// endToEnd is the table of what was measured end to end.
func endToEnd(out *strings.Builder, d *Data) {
	if len(d.Services) == 0 {
		return
	}
	fmt.Fprintf(out, "### A whole service\n\nThe same small service over the loopback interface, each server a process of its own with one processor; `service/doc.go` says how.\n\n")
	for _, r := range d.Services {
		fmt.Fprintf(out, "#### A whole service: %s\n\n", groupOf(r))
		if r.Text != "" {
			fmt.Fprintf(out, "%s\n\n", r.Text)
		}
		services(out, r)
	}
}

func services(out *strings.Builder, r *service.Result) {
	var notes []string
	for _, s := range r.Servers {
		note := strings.TrimSpace(fmt.Sprintf("- %s %s", s.Name, s.Version))
		if len(s.Weaker) > 0 {
			note += ": " + strings.Join(s.Weaker, "; ")
		}
		notes = append(notes, note)
	}
	list(out, "Servers, and the promises of apiece that they do not make:", notes, "")
	// What a request allocates does not vary, and stands beside its requests per second.
	allocated := make(map[[3]string]string)
	for _, x := range r.Rows {
		allocated[[3]string{x.Metric, x.Server, x.Unit}] = number(x.Median)
	}
	table(out, []string{"metric", "server", "median", "quartiles", "/ bare net/http", "quartiles", "B", "allocs"}, func(row func(...string)) {
		last := ""
		for _, x := range r.Rows {
			if x.Unit == "allocations per request" || x.Unit == "bytes allocated per request" {
				continue
			}
			what := fmt.Sprintf("**%s**, %s", x.Metric, x.Unit)
			if what == last {
				what = ""
			} else {
				last = what
			}
			row(what, x.Server, number(x.Median), number(x.Low)+" – "+number(x.High),
				ratio(x.RatioToBare), ratio(x.RatioLow)+" – "+ratio(x.RatioHigh),
				allocated[[3]string{x.Metric, x.Server, "bytes allocated per request"}], allocated[[3]string{x.Metric, x.Server, "allocations per request"}])
		}
	})
}

// table writes a table. A bar in a cell would end it.
func table(out *strings.Builder, columns []string, rows func(row func(...string))) {
	write := func(cells ...string) {
		for i, cell := range cells {
			cells[i] = strings.ReplaceAll(strings.ReplaceAll(cell, "|", "\\|"), "\n", " ")
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
	}
	write(slices.Clone(columns)...)
	fmt.Fprintf(out, "|%s\n", strings.Repeat(" --- |", len(columns)))
	rows(write)
	fmt.Fprintln(out)
}
