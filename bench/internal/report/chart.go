package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/service"
)

// A Chart is a picture: bars for each of some comparisons, or lines for work that grows.
type Chart struct {
	File  string // without .svg
	Title string
	Value string // what its figures are, such as "Time for a request"

	Panels []Panel
	Group  string // instead: a panel for each request to the servers of a group
	Time   bool   // CPU time for a request, instead of requests per second of it

	Suite  string // of lines: where the page shows them
	Growth string // the comparisons that grow
	Metric string // what grows; empty is the time
	Size   string // what the size is
	Linear bool   // the size may be 0
	Show   []string
}

// A Panel has a bar for each contender of a comparison, or each server of a group.
type Panel struct {
	Heading string
	Of      string   // suite and comparison, or "service", group and metric
	Show    []string // these alone; empty is all
	Best    []string // and the best of these
}

// Names are what contenders are called on pages and in charts.
type Names map[string]string

// of returns the name of a contender, which is that of the kit for its own.
func (n Names) of(name string) string {
	if plain, ok := n[name]; ok {
		return plain
	}
	if rest, ok := strings.CutPrefix(name, "kit"); ok && (rest == "" || strings.ContainsAny(rest[:1], ", ")) {
		return "apiece" + rest
	}
	return name
}

// panels are those of the chart, or of its group.
func (c Chart) panels(d *Data) (all []Panel) {
	r, _ := d.service("service/" + c.Group)
	if c.Group == "" || r == nil {
		return c.Panels
	}
	last := ""
	for _, x := range r.Rows {
		if x.Unit == perSecond && x.Metric != last {
			last = x.Metric
			all = append(all, Panel{Heading: strings.TrimPrefix(last, service.Metrics()[1]+", "), Of: "service/" + c.Group + "/" + last})
		}
	}
	return all
}

// perSecond is the unit of the bars of servers.
const perSecond = "requests per CPU second"

// A bar is one contender.
type bar struct {
	name   string
	role   compare.Role
	value  compare.Spread
	text   string
	kit    compare.Spread // the kit relative to it
	higher bool           // more is better

	variant bool // the service of the kit, with one promise less
}

// bars are those of a panel, the best one first.
func (c Chart) bars(d *Data, p Panel) (all []bar) {
	if r := d.result(p.Of); r != nil {
		for i := range r.Samples {
			s := &r.Samples[i]
			if s.Error != "" || s.Name == r.Subtract {
				continue
			}
			b := bar{name: s.Name, role: s.Role, value: r.Time(s), text: duration(r.Time(s).Median)}
			if kit := r.Main(s.Class); kit != nil {
				b.kit = r.Ratio(kit, s)
			}
			all = append(all, b)
		}
	} else if r, metric := d.service(p.Of); r != nil {
		for _, x := range r.Rows {
			if x.Metric != metric || x.Unit != perSecond {
				continue
			}
			b := bar{name: x.Server, role: compare.Rival, value: compare.Spread{Median: x.Median, Low: x.Low, High: x.High}, text: number(x.Median), higher: true}
			if strings.HasPrefix(x.Server, "apiece") {
				b.role, b.variant = compare.Kit, x.Server != "apiece"
			}
			if _, b.kit = r.Ratio(metric, perSecond, "apiece", x.Server); c.Time {
				b.value, b.kit, b.higher = inverse(b.value, 1e9), inverse(b.kit, 1), false
				b.text = duration(b.value.Median)
			}
			all = append(all, b)
		}
	}
	all = slices.DeleteFunc(all, func(b bar) bool {
		return b.value.Median <= 0 || len(p.Show) > 0 && !slices.Contains(p.Show, b.name) && !slices.Contains(p.Best, b.name)
	})
	slices.SortStableFunc(all, func(a, b bar) int {
		if a.higher {
			a, b = b, a
		}
		return cmp.Compare(a.value.Median, b.value.Median)
	})
	found := false
	return slices.DeleteFunc(all, func(b bar) bool {
		candidate := slices.Contains(p.Best, b.name)
		drop := candidate && found
		found = found || candidate
		return drop
	})
}

func inverse(s compare.Spread, of float64) compare.Spread {
	return compare.Spread{Median: of / s.Median, Low: of / s.High, High: of / s.Low, N: s.N}
}

// direction says what the figures are, and which of them are good.
func (c Chart) direction(higher bool) string {
	if higher {
		return c.Value + ", higher is better"
	}
	return c.Value + ", lower is better"
}

// SVG draws a chart, or nothing if its data was not measured.
func (c Chart) SVG(d *Data, names Names) ([]byte, error) {
	if c.Growth != "" {
		return c.lines(d, names)
	}
	rows := c.panels(d)
	panels := make([][]bar, len(rows))
	var labels, values []string
	higher := false
	for i, panel := range rows {
		panels[i] = c.bars(d, panel)
		for _, b := range panels[i] {
			labels, values, higher = append(labels, names.of(b.name)), append(values, b.text), b.higher
		}
	}
	if len(labels) == 0 {
		return nil, nil
	}
	left, right := margin+widest(labels)+6, width-margin-widest(values)-10
	if right-left < 120 {
		return nil, fmt.Errorf("chart %s: %.0f are left for bars beside %q", c.File, right-left, labels)
	}
	var p picture
	p.y = margin
	p.lines("b", c.Title)
	p.lines("d", c.direction(higher))
	for i, panel := range rows {
		if len(panels[i]) == 0 {
			continue
		}
		p.y += 10
		p.lines("b", panel.Heading)
		most := 0.0
		for _, b := range panels[i] {
			most = max(most, b.value.Median)
		}
		for _, b := range panels[i] {
			scale := func(x float64) float64 { return min(right, left+x/most*(right-left)) }
			bold, class := "", string(b.role)
			switch {
			case b.variant:
				class = string(compare.Rival)
			case b.role == compare.Kit:
				bold = "b"
			}
			p.text(bold, margin, p.y+16, names.of(b.name))
			p.add(`<rect class="%s" x="%.1f" y="%.0f" width="%.1f" height="14"/>`, class, left, p.y+4, max(1, scale(b.value.Median)-left))
			p.add(`<line class="spread" x1="%.1f" x2="%.1f" y1="%.0f" y2="%[3]g"/>`, scale(b.value.Low), scale(b.value.High), p.y+11)
			p.text(strings.TrimSpace(bold+" e"), width-margin, p.y+16, b.text)
			p.y += row
		}
	}
	return p.svg(c.Title + ": " + c.direction(higher)), nil
}

// verdict says which direction is better, how often the kit leads, and which
// rivals it loses to, with what it has relative to them.
func (c Chart) verdict(d *Data, names Names) string {
	type relation struct {
		name      string
		low, high float64
		lost      bool
	}
	var rivals, itself []*relation
	rows, leads, higher := 0, 0, false
	for _, panel := range c.panels(d) {
		first, measured := true, false
		for _, b := range c.bars(d, panel) {
			if measured, higher = true, b.higher; b.role == compare.Floor || b.role == compare.Kit && !b.variant || b.kit.N == 0 {
				continue
			}
			all := &rivals
			if b.variant {
				all = &itself
			}
			at := slices.IndexFunc(*all, func(x *relation) bool { return x.name == b.name })
			if at < 0 {
				at, *all = len(*all), append(*all, &relation{name: b.name, low: math.Inf(1)})
			}
			x, slower := (*all)[at], b.kit.Median
			if x.low, x.high = min(x.low, slower), max(x.high, slower); higher {
				slower = 1 / slower
			}
			x.lost = x.lost || b.variant || slower > much
			first = first && (b.variant || slower <= 1)
		}
		if measured {
			rows++
		}
		if measured && first {
			leads++
		}
	}
	if rows == 0 {
		return "Not measured."
	}
	list := func(all []*relation) string {
		var said []string
		for _, x := range all {
			if x.lost {
				said = append(said, fmt.Sprintf("%s (%s)", names.of(x.name), between(x.low, x.high)))
			}
		}
		return strings.Join(said, ", ")
	}
	text := fmt.Sprintf("%s. apiece leads in %d of %d comparisons", c.direction(higher), leads, rows)
	if lost := list(rivals); lost != "" && higher {
		text += "; **it handles fewer** in at least one than " + lost
	} else if lost != "" {
		text += "; **it takes longer** in at least one than " + lost
	}
	if all := list(itself); all != "" {
		text += ". Relative to its own variants: " + all
	}
	return text + "."
}

// much is how much slower counts.
const much = 1.03

func between(low, high float64) string {
	if ratio(low) == ratio(high) {
		return ratio(low)
	}
	return ratio(low) + " to " + ratio(high)
}

// A series is one contender as the work grows.
type series struct {
	name, class string
	role        compare.Role
	x, y        []float64
	at          float64 // the height of its name
}

func (s *series) end() float64 { return s.y[len(s.y)-1] }

func (c Chart) series(d *Data) (all []*series) {
	drawn := make(map[compare.Role]int)
	for i := range d.Results {
		r := &d.Results[i]
		if r.Growth != c.Growth {
			continue
		}
		for k := range r.Samples {
			s := &r.Samples[k]
			if s.Error != "" || s.Name == r.Subtract || len(c.Show) > 0 && !slices.Contains(c.Show, s.Name) {
				continue
			}
			y := r.Time(s).Median
			if c.Metric != "" {
				y = s.Metrics[c.Metric]
			}
			if y <= 0 {
				continue
			}
			at := slices.IndexFunc(all, func(x *series) bool { return x.name == s.Name })
			if at < 0 {
				at = len(all)
				colors := map[compare.Role]int{compare.Kit: 3, compare.Floor: 1, compare.Rival: 7}
				all = append(all, &series{name: s.Name, role: s.Role, class: fmt.Sprint(s.Role, drawn[s.Role]%colors[s.Role])})
				drawn[s.Role]++
			}
			all[at].x, all[at].y = append(all[at].x, r.Size), append(all[at].y, y)
		}
	}
	return all
}

// lines shows how the contenders grow.
func (c Chart) lines(d *Data, names Names) ([]byte, error) {
	all := c.series(d)
	if len(all) == 0 {
		return nil, nil
	}
	format := duration
	if c.Metric != "" {
		format = count
	}
	var xs, ys []float64
	var labels []string
	for _, s := range all {
		xs, ys, labels = append(xs, s.x...), append(ys, s.y...), append(labels, names.of(s.name))
	}
	xTicks, yTicks := decades(xs), decades(ys)
	if c.Linear {
		xTicks = slices.Compact(slices.Sorted(slices.Values(xs)))
	}
	var marks []string
	for _, y := range yTicks {
		marks = append(marks, format(y))
	}
	var p picture
	p.y = margin
	p.lines("b", c.Title)
	p.lines("d", c.direction(false))
	top := p.y + 14
	bottom := top + max(260, float64(len(all))*(row-2)+10)
	left, right := margin+0.9*widest(marks)+8, width-margin-0.9*widest(labels)-14 // not bold
	if right-left < 120 {
		return nil, fmt.Errorf("chart %s: %.0f are left for lines beside %q", c.File, right-left, labels)
	}
	x, y := axis(xs, c.Linear, left, right), axis(ys, false, bottom-6, top+6)
	last := math.Inf(1)
	for i, tick := range yTicks {
		if at := y(tick); last-at >= row && at <= bottom {
			p.add(`<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1[3]f"/>`, left, right, at)
			p.text("d e", left-6, at+5, marks[i])
			last = at
		}
	}
	last = 0
	for _, tick := range xTicks {
		label := count(tick)
		if at := x(tick); at-textWidth(label)/2 > last && at <= right+1 {
			p.add(`<line class="grid" y1="%.1f" y2="%.1f" x1="%.1f" x2="%.1[3]f"/>`, top, bottom, at)
			p.text("d m", at, bottom+19, label)
			last = at + textWidth(label)/2
		}
	}
	place(all, y, top+8, bottom)
	for _, s := range all {
		dots, points := "", ""
		for i := range s.x {
			points += fmt.Sprintf("%.1f,%.1f ", x(s.x[i]), y(s.y[i]))
			dots += fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="3"/>`, x(s.x[i]), y(s.y[i]))
		}
		p.add(`<g class="%s"><polyline class="%s" points="%s"/>%s`, s.class, s.role[:1], strings.TrimSpace(points), dots)
		p.text("c", right+12, s.at+5, names.of(s.name))
		p.add("</g>")
	}
	p.y = bottom + 22
	p.lines("d", c.Size)
	return p.svg(c.Title + ": " + c.direction(false)), nil
}

// axis returns where a value is between two places.
func axis(values []float64, linear bool, from, to float64) func(float64) float64 {
	scale := math.Log
	if linear {
		scale = func(x float64) float64 { return x }
	}
	low, high := scale(slices.Min(values)), scale(slices.Max(values))
	if low == high {
		low, high = low-1, high+1
	}
	return func(x float64) float64 { return from + (scale(x)-low)/(high-low)*(to-from) }
}

// decades are the powers of ten that an axis shows. Where there are few of them, their
// doubles and halves are ticks too.
func decades(values []float64) (ticks []float64) {
	low, high := slices.Min(values), slices.Max(values)
	if low <= 0 {
		return nil
	}
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, i := range []float64{1, 2, 5} {
			if x := i * math.Pow(10, e); x >= low*0.999 && x <= high*1.001 && (i == 1 || high/low < 200) {
				ticks = append(ticks, x)
			}
		}
	}
	return ticks
}

// place sets the heights of the names of the lines: near their ends, and apart.
func place(all []*series, y func(float64) float64, top, bottom float64) {
	slices.SortStableFunc(all, func(a, b *series) int { return cmp.Compare(a.end(), b.end()) })
	lowest := bottom
	for _, s := range all {
		s.at = min(y(s.end()), lowest)
		lowest = s.at - (row - 2)
	}
	// What was pushed out at the top pushes the others down.
	highest := top
	for _, s := range slices.Backward(all) {
		s.at = max(s.at, highest)
		highest = s.at + row - 2
	}
}

// count writes a number of things.
func count(x float64) string {
	switch {
	case x >= 1e6:
		return digits(x/1e6) + "M"
	case x >= 1e3:
		return digits(x/1e3) + "k"
	}
	return digits(x)
}
