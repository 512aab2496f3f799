package report

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/apiece/apiece/bench/internal/compare"
)

// A Chart is a chart of the targets, of a comparison, or of growth.
type Chart struct {
	File  string // without .svg
	Suite string // where the page shows it; empty is with the targets
	Title string

	Of     string   // a comparison: its contenders, the quickest on top
	Growth string   // or comparisons that grow: their contenders, against the size
	Metric string   // what grows; empty is the time
	Size   string   // what the size is
	Linear bool     // the size may be 0
	Show   []string // these contenders only; empty is all
}

// The colors are for a white background. Those of rivals are safe for red-green color blindness.
var (
	kitColor   = color.RGBA{0, 90, 200, 255}
	floorColor = color.RGBA{90, 90, 90, 255}
	missColor  = color.RGBA{200, 70, 0, 255}
	gridColor  = color.RGBA{225, 225, 225, 255}
	textColor  = color.RGBA{50, 50, 50, 255}

	kitColors   = []color.Color{kitColor, color.RGBA{90, 160, 240, 255}, color.RGBA{0, 50, 120, 255}}
	rivalDot    = color.RGBA{110, 110, 110, 255}
	rivalColors = []color.Color{
		color.RGBA{213, 94, 0, 255}, color.RGBA{0, 158, 115, 255}, color.RGBA{204, 121, 167, 255},
		color.RGBA{160, 130, 0, 255}, color.RGBA{120, 80, 50, 255}, color.RGBA{150, 150, 150, 255}, color.RGBA{120, 60, 160, 255},
	}
)

// SVG draws a chart, or nothing if its data was not measured.
func (c Chart) SVG(d *Data, targets []Target) ([]byte, error) {
	switch {
	case c.Growth != "":
		return c.lines(d)
	case c.Of != "":
		return c.contenders(d)
	}
	return c.verdicts(d, targets)
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	p.BackgroundColor = color.White
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Typeface, style.Font.Variant = "Liberation", "Sans"
		style.Color = textColor
	}
	p.Title.TextStyle.Font.Size = vg.Points(13)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Tick.Color = gridColor, gridColor
		axis.Label.TextStyle.Font.Size = vg.Points(10)
		axis.Tick.Label.Font.Size = vg.Points(9.5)
	}
	return p
}

// svg writes the plot. Liberation Sans has the widths of Arial and Helvetica, which
// replace it if it is not installed.
func svg(p *plot.Plot, width, height vg.Length) ([]byte, error) {
	canvas := vgsvg.New(width, height)
	whole := draw.New(canvas)
	whole.SetColor(color.White)
	whole.Fill(whole.Rectangle.Path())
	const margin = 8
	p.Draw(draw.Crop(whole, margin, -margin, margin, -margin))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(out.String(), "font-family:Liberation Sans;", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;")
	return []byte(text), nil
}

// A dot is one line of a chart of dots.
type dot struct {
	label  string
	spread compare.Spread
	text   string
	target float64 // if it is not 0
	color  color.Color
}

// verdicts shows the ratios of the targets: where they are, and where they
// should be.
func (c Chart) verdicts(d *Data, targets []Target) ([]byte, error) {
	var dots []dot
	for _, t := range targets {
		for _, claim := range t.Claims {
			v := d.Judge(claim)
			if !v.Measured || claim.To == "" || claim.What != "" || v.Spread.Median <= 0 {
				continue
			}
			x := dot{label: strings.TrimSuffix(v.Label(), " (the fastest)"), spread: v.Spread, text: v.Figure(), target: claim.Max, color: kitColor}
			if !v.Met {
				x.color = missColor
			}
			dots = append(dots, x)
		}
	}
	return drawDots(c.Title, "time of the kit / time of the rival (a bar is the target; orange misses it)", func(x float64) string { return digits(x) + "x" }, 1, dots)
}

// contenders shows a comparison.
func (c Chart) contenders(d *Data) ([]byte, error) {
	r := d.result(c.Of)
	if r == nil {
		return nil, nil
	}
	var dots []dot
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Error != "" || s.Name == r.Subtract || !c.shows(s.Name) || r.Time(s).Median <= 0 {
			continue
		}
		x := dot{label: s.Name, spread: r.Time(s), text: duration(r.Time(s).Median), color: rivalDot}
		switch s.Role {
		case compare.Kit:
			x.color = kitColor
		case compare.Floor:
			x.color = floorColor
		}
		dots = append(dots, x)
	}
	slices.SortFunc(dots, func(a, b dot) int {
		if a.spread.Median < b.spread.Median {
			return -1
		}
		return 1
	})
	return drawDots(c.Title, "time for a "+r.Unit, duration, 0, dots)
}

func (c Chart) shows(name string) bool { return len(c.Show) == 0 || slices.Contains(c.Show, name) }

func drawDots(title, label string, format func(float64) string, line float64, dots []dot) ([]byte, error) {
	if len(dots) == 0 {
		return nil, nil
	}
	p := newPlot(title)
	slices.Reverse(dots) // the first is to be on top
	var names []string
	low, high := math.Inf(1), 0.0
	for _, x := range dots {
		names = append(names, x.label)
		for _, at := range []float64{x.spread.Low, x.spread.Median, x.spread.High, x.target} {
			if at > 0 { // a quartile may be 0, of which there is no logarithm
				low, high = min(low, at), max(high, at)
			}
		}
	}
	p.X.Label.Text = label
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, decades{format, 0}
	p.Add(verticals{line})
	p.NominalY(names...)
	p.Y.Tick.Length, p.Y.Width = 0, 0
	p.Add(&dotPlot{dots})
	p.X.Min, p.X.Max = low/1.3, high*1.3*math.Pow(high/low, 0.12)
	p.Y.Min, p.Y.Max = -0.7, float64(len(dots))-0.3
	return svg(p, 9*vg.Inch, vg.Points(70+float64(len(dots))*16))
}

type dotPlot struct{ dots []dot }

func (d *dotPlot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, dot := range d.dots {
		at := y(float64(i))
		if dot.target > 0 {
			c.StrokeLine2(draw.LineStyle{Color: textColor, Width: vg.Points(2)}, x(dot.target), at-vg.Points(5), x(dot.target), at+vg.Points(5))
		}
		c.StrokeLine2(draw.LineStyle{Color: dot.color, Width: vg.Points(1.5)}, x(max(dot.spread.Low, p.X.Min)), at, x(dot.spread.High), at)
		c.DrawGlyph(draw.GlyphStyle{Color: dot.color, Radius: vg.Points(4), Shape: draw.CircleGlyph{}}, vg.Point{X: x(dot.spread.Median), Y: at})
		right := x(max(dot.spread.High, dot.spread.Median, dot.target)) + vg.Points(7)
		c.FillText(small(p, dot.color), vg.Point{X: right, Y: at}, dot.text)
	}
}

func small(p *plot.Plot, col color.Color) text.Style {
	style := p.X.Tick.Label
	style.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(9)}
	style.Color, style.XAlign, style.YAlign, style.Rotation = col, text.XLeft, text.YCenter, 0
	return style
}

// verticals are lines at the ticks, with a darker one at equal speed.
type verticals struct{ mark float64 }

func (v verticals) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, tick := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if tick.Value < p.X.Min || tick.Value > p.X.Max || tick.Label == "" {
			continue
		}
		style := draw.LineStyle{Color: gridColor, Width: vg.Points(0.7)}
		if tick.Value == v.mark {
			style = draw.LineStyle{Color: floorColor, Width: vg.Points(1)}
		}
		c.StrokeLine2(style, x(tick.Value), c.Min.Y, x(tick.Value), c.Max.Y)
	}
}

// decades are ticks at the powers of ten. Where there are few of them, their
// doubles and halves have labels too.
type decades struct {
	format func(float64) string
	last   float64 // no tick is beyond it, unless it is 0
}

func (d decades) Ticks(low, high float64) (ticks []plot.Tick) {
	few := high/low < 200
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for i := 1.0; i < 10; i++ {
			tick := plot.Tick{Value: i * math.Pow(10, e)}
			if i == 1 || few && (i == 2 || i == 5) {
				tick.Label = d.format(tick.Value)
			}
			if d.last == 0 || tick.Value <= d.last {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// A series is one contender as the work grows.
type series struct {
	name  string
	role  compare.Role
	color color.Color
	at    plotter.XYs
}

// lines shows how the contenders grow.
func (c Chart) lines(d *Data) ([]byte, error) {
	all := c.series(d)
	if len(all) == 0 {
		return nil, nil
	}
	p := newPlot(c.Title)
	p.X.Label.Text = c.Size
	format := duration
	if c.Metric != "" {
		p.Y.Label.Text, format = c.Metric, count
	}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades{format, 0}
	if c.Linear {
		p.X.Tick.Marker = sizes(all)
	} else {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, decades{count, 1.1 * largest(all)}
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = gridColor, gridColor
	p.Add(grid)
	for _, s := range all {
		line, points, err := plotter.NewLinePoints(s.at)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = s.color, vg.Points(1.4)
		points.Color, points.Radius, points.Shape = s.color, vg.Points(2), draw.CircleGlyph{}
		switch s.role {
		case compare.Kit:
			line.Width, points.Radius = vg.Points(2.6), vg.Points(3)
		case compare.Floor:
			line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		}
		p.Add(line, points)
	}
	p.Add(names{all})
	if c.Linear {
		p.X.Max *= 1.4
	} else {
		p.X.Max *= math.Pow(p.X.Max/p.X.Min, 0.35)
	}
	return svg(p, 7.5*vg.Inch, 4.4*vg.Inch)
}

func (c Chart) series(d *Data) (all []series) {
	index := make(map[string]int)
	kits, rivals := 0, 0
	for i := range d.Results {
		r := &d.Results[i]
		if r.Growth != c.Growth {
			continue
		}
		for k := range r.Samples {
			s := &r.Samples[k]
			if s.Error != "" || s.Name == r.Subtract || !c.shows(s.Name) {
				continue
			}
			y := r.Time(s).Median
			if c.Metric != "" {
				y = s.Metrics[c.Metric]
			}
			if y <= 0 {
				continue
			}
			if _, ok := index[s.Name]; !ok {
				index[s.Name] = len(all)
				next := series{name: s.Name, role: s.Role}
				switch s.Role {
				case compare.Kit:
					next.color = kitColors[kits%len(kitColors)]
					kits++
				case compare.Floor:
					next.color = floorColor
				default:
					next.color = rivalColors[rivals%len(rivalColors)]
					rivals++
				}
				all = append(all, next)
			}
			own := &all[index[s.Name]]
			own.at = append(own.at, plotter.XY{X: r.Size, Y: y})
		}
	}
	return all
}

// sizes are ticks where something was measured.
func sizes(all []series) (ticks plot.ConstantTicks) {
	for _, at := range all[0].at {
		ticks = append(ticks, plot.Tick{Value: at.X, Label: count(at.X)})
	}
	return ticks
}

func largest(all []series) (size float64) {
	for _, s := range all {
		for _, at := range s.at {
			size = max(size, at.X)
		}
	}
	return size
}

// names writes the names of the lines at their ends, apart from each other.
type names struct{ all []series }

func (n names) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	ordered := slices.Clone(n.all)
	end := func(s series) plotter.XY { return s.at[len(s.at)-1] }
	slices.SortFunc(ordered, func(a, b series) int {
		if end(a).Y < end(b).Y {
			return -1
		}
		return 1
	})
	const apart = 11
	heights := make([]vg.Length, len(ordered))
	for i, s := range ordered {
		heights[i] = y(end(s).Y)
		if i > 0 {
			heights[i] = max(heights[i], heights[i-1]+vg.Points(apart))
		}
	}
	// What was pushed out at the top pushes the others down.
	for i := len(heights) - 1; i >= 0; i-- {
		limit := c.Max.Y
		if i < len(heights)-1 {
			limit = heights[i+1] - vg.Points(apart)
		}
		heights[i] = min(heights[i], limit)
	}
	for i, s := range ordered {
		c.FillText(small(p, s.color), vg.Point{X: x(end(s).X) + vg.Points(8), Y: heights[i]}, s.name)
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
	return fmt.Sprint(digits(x))
}
