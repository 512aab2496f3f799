package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/service"
)

// A Page has the text and charts around the results.
type Page struct {
	Title   string
	Intro   string // Markdown
	Rules   string // what makes the comparison a fair one, Markdown
	Suites  []compare.Suite
	Targets []Target
	Charts  []Chart
}

// Markdown writes the page: losses of the kit come before all other figures.
func (p Page) Markdown(d *Data) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n%s\n\n", p.Title, p.Intro)
	machine(&out, d.Machine)
	fmt.Fprintf(&out, "## Rules\n\n%s\n\n", p.Rules)
	p.losses(&out, d)
	p.targets(&out, d)
	for _, s := range p.Suites {
		p.suite(&out, d, s)
	}
	endToEnd(&out, d)
	return out.String()
}

func machine(out *strings.Builder, m Machine) {
	fmt.Fprintf(out, "## Machine\n\n%s, %d cores, %s, %s, %s. %s\n\n", m.CPU, m.Cores, m.Platform, m.Go, m.Date, m.How)
	var versions []string
	for _, path := range slices.Sorted(maps.Keys(m.Modules)) {
		versions = append(versions, fmt.Sprintf("%s %s", path, m.Modules[path]))
	}
	fmt.Fprintf(out, "Built with %s.\n\n", strings.Join(versions, ", "))
}

// losses are the missed targets, and the faster rivals.
func (p Page) losses(out *strings.Builder, d *Data) {
	fmt.Fprintf(out, "## Where the kit loses\n\n")
	var missed []string
	for _, t := range p.Targets {
		before := len(missed)
		for _, c := range t.Claims {
			switch v := d.Judge(c); {
			case !v.Measured:
				missed = append(missed, fmt.Sprintf("- %s: not measured (target %s)", v.Label(), v.Bound()))
			case !v.Met:
				missed = append(missed, fmt.Sprintf("- %s: %s, target %s", v.Label(), v.Figure(), v.Bound()))
			}
		}
		if len(missed) > before && t.Note != "" {
			missed[len(missed)-1] += "\n\n  " + t.Note
		}
	}
	list(out, "Targets that are missed:", missed, "Every target is met.")

	var slower []string
	for _, s := range p.Suites {
		for _, c := range s.Comparisons {
			r := d.result(s.Name + "/" + c.Name)
			if r == nil {
				slower = append(slower, fmt.Sprintf("- %s/%s: not measured", s.Name, c.Name))
				continue
			}
			if behind := ahead(r); len(behind) > 0 {
				slower = append(slower, fmt.Sprintf("- %s/%s: %s", s.Name, c.Name, strings.Join(behind, ", ")))
			}
		}
	}
	list(out, "Rivals that are faster than the piece of the kit that does the same, by more than 3% and in three quarters of the rounds:", slower, "No rival is faster.")
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
func ahead(r *compare.Result) (found []string) {
	for i := range r.Samples {
		s := &r.Samples[i]
		kit := r.Main(s.Class)
		if s.Error != "" || s.Role != compare.Rival || kit == nil || kit.Class != s.Class {
			continue
		}
		if x := r.Ratio(kit, s); x.Low > 1 && x.Median > 1.03 {
			found = append(found, fmt.Sprintf("%s takes %s the time of %s", kit.Name, ratio(x.Median), s.Name))
		}
	}
	return found
}

func (p Page) targets(out *strings.Builder, d *Data) {
	met, all := 0, 0
	for _, t := range p.Targets {
		for _, c := range t.Claims {
			all++
			if d.Judge(c).Met {
				met++
			}
		}
	}
	fmt.Fprintf(out, "## Targets\n\n%d of %d figures are met. A ratio below 1 says that the kit takes less time.\n\n", met, all)
	p.charts(out, "")
	table(out, []string{"what", "figure", "target", "median", "middle half", "verdict"}, func(row func(...string)) {
		for _, t := range p.Targets {
			what := t.What
			for _, c := range t.Claims {
				v := d.Judge(c)
				row(what, v.Label(), v.Bound(), v.Figure(), v.Middle(), v.Outcome())
				what = ""
			}
		}
	})
}

func (p Page) charts(out *strings.Builder, suite string) {
	for _, c := range p.Charts {
		if c.Suite == suite {
			fmt.Fprintf(out, "![%s](charts/%s.svg)\n\n", c.Title, c.File)
		}
	}
}

// suite is a table of everything that was measured of one piece.
func (p Page) suite(out *strings.Builder, d *Data, s compare.Suite) {
	fmt.Fprintf(out, "## %s%s\n\n%s\n\n", strings.ToUpper(s.Name[:1]), s.Name[1:], s.Text)
	p.charts(out, s.Name)
	claims := make(map[[2]string][]string)
	for _, t := range p.Targets {
		for _, c := range t.Claims {
			v := d.Judge(c)
			to := ""
			if c.To != "" {
				to = " of " + v.Rival
			} else if c.What != "" {
				to = " " + c.What
			}
			key := [2]string{c.Of, c.Kit}
			claims[key] = append(claims[key], fmt.Sprintf("%s%s: %s", v.Bound(), to, v.Outcome()))
		}
	}
	metrics := metricsOf(d, s)
	table(out, append([]string{"case", "contender", "time", "kit / it", "middle half", "B", "allocs"}, append(metrics, "target")...), func(row func(...string)) {
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
				who := &r.Samples[i]
				row(append([]string{name}, contenderRow(r, who, metrics, claims[[2]string{s.Name + "/" + r.Name, who.Name}])...)...)
				name = ""
			}
		}
	})
	for _, f := range s.Findings {
		found := d.finding(s.Name + "/" + f.Name)
		if found == nil {
			continue
		}
		fmt.Fprintf(out, "### %s\n\n%s\n\n", f.Name, f.Text)
		if found.Error != "" {
			fmt.Fprintf(out, "The kit does not do what it should: %s\n\n", found.Error)
		}
		table(out, found.Table.Columns, func(row func(...string)) {
			for _, cells := range found.Table.Rows {
				row(cells...)
			}
		})
	}
}

func contenderRow(r *compare.Result, who *compare.Sample, metrics, claims []string) []string {
	name := who.Name
	if who.Role == compare.Kit {
		name = "**" + name + "**"
	}
	if who.Error != "" {
		return append([]string{name, "does not take part: it " + who.Error, "", "", "", ""}, make([]string, len(metrics)+1)...)
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
	return append(cells, strings.Join(claims, "; "))
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
	fmt.Fprintf(out, "## End to end\n\nThe same small service over the loopback interface, each server a process of its own with one processor; `service/doc.go` says how.\n\n")
	for _, r := range d.Services {
		fmt.Fprintf(out, "### End to end: %s\n\n", groupOf(r))
		if r.Text != "" {
			fmt.Fprintf(out, "%s\n\n", r.Text)
		}
		services(out, r)
	}
}

func services(out *strings.Builder, r *service.Result) {
	var notes []string
	for _, s := range r.Servers {
		note := fmt.Sprintf("- %s %s", s.Name, s.Version)
		if len(s.Weaker) > 0 {
			note += ": " + strings.Join(s.Weaker, "; ")
		}
		notes = append(notes, note)
	}
	list(out, "Servers, and the promises of the kit that they do not give:", notes, "")
	table(out, []string{"metric", "server", "median", "middle half", "/ bare net/http", "middle half"}, func(row func(...string)) {
		last := ""
		for _, x := range r.Rows {
			what := fmt.Sprintf("**%s**, %s", x.Metric, x.Unit)
			if what == last {
				what = ""
			} else {
				last = what
			}
			row(what, x.Server, number(x.Median), number(x.Low)+" – "+number(x.High),
				ratio(x.RatioToBare), ratio(x.RatioLow)+" – "+ratio(x.RatioHigh))
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
