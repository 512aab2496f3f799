package service

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/apiece/apiece/bench/internal/compare"
)

// A Result has the measurements of a run, and its machine.
type Result struct {
	Text      string   `json:"text,omitempty"` // what is compared
	Go        string   `json:"go"`
	Platform  string   `json:"platform"`
	CPUs      int      `json:"cpus"`
	Validator string   `json:"validator"` // the version of the one that all of them use
	Options   Options  `json:"options"`
	Servers   []Server `json:"servers"`
	// Rows are grouped by metric and unit, and within these in the order of
	// Servers.
	Rows []Row `json:"rows"`
}

// A Server is a measured server.
type Server struct {
	Name    string `json:"name"`
	Module  string `json:"module,omitempty"` // "" for the standard library
	Version string `json:"version"`
	// Weaker are the promises of the kit that it does not make.
	Weaker []string `json:"weaker,omitempty"`
}

// A Row is one figure of one server.
type Row struct {
	Metric string `json:"metric"`
	Server string `json:"server"`
	// Median is that of all rounds; Low and High are their quartiles.
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Unit   string  `json:"unit"`
	// Higher says that more is better.
	Higher bool `json:"higher"`
	// RatioToBare is the median of what each round gave relative to bare
	// net/http in the same round, RatioLow and RatioHigh their quartiles. They
	// are 0 if bare net/http was not measured, or has 0.
	RatioToBare float64 `json:"ratioToBare"`
	RatioLow    float64 `json:"ratioLow"`
	RatioHigh   float64 `json:"ratioHigh"`
	// Values are those of the rounds, of what is measured per request.
	Values []float64 `json:"values,omitempty"`
}

// Ratio returns the spread of what the rounds gave for one server relative to
// another. For [Fastest] that is the best of the libraries, but the kit.
func (r *Result) Ratio(metric, unit, server, to string) (against string, spread compare.Spread) {
	var over, under *Row
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Metric != metric || row.Unit != unit {
			continue
		}
		library := row.Server != bare && !strings.HasPrefix(row.Server, kit)
		if row.Server == server {
			over = row
		}
		if row.Server == to || to == Fastest && library && (under == nil || row.Higher == (row.Median > under.Median)) {
			under = row
		}
	}
	if over == nil || under == nil {
		return "", compare.Spread{}
	}
	var ratios []float64
	for i := range min(len(over.Values), len(under.Values)) {
		if under.Values[i] > 0 {
			ratios = append(ratios, over.Values[i]/under.Values[i])
		}
	}
	return under.Server, compare.Quartiles(ratios)
}

// Fastest is the one that takes the least for a request.
const Fastest = "the fastest"

// kit is what the names of its servers begin with.
const kit = "apiece"

// A figure has the measured values of each server, by round.
type figure struct {
	metric, unit string
	higher       bool
	values       map[string][]float64 // by server
}

// samples are the figures, in the order in which they first came up.
type samples []*figure

func (s *samples) add(server, metric, unit string, higher bool, value float64) {
	i := slices.IndexFunc(*s, func(f *figure) bool { return f.metric == metric && f.unit == unit })
	if i < 0 {
		i = len(*s)
		*s = append(*s, &figure{metric, unit, higher, map[string][]float64{}})
	}
	f := (*s)[i]
	f.values[server] = append(f.values[server], value)
}

func (s samples) rows(servers []Server) (rows []Row) {
	for _, f := range s {
		for _, server := range servers {
			values := f.values[server.Name]
			row := Row{Metric: f.metric, Server: server.Name, Unit: f.unit, Higher: f.higher}
			row.Low, row.Median, row.High = quartiles(values)
			var ratios []float64
			for i, base := range f.values[bare] {
				if base > 0 && i < len(values) {
					ratios = append(ratios, values[i]/base)
				}
			}
			row.RatioLow, row.RatioToBare, row.RatioHigh = quartiles(ratios)
			if strings.Contains(f.unit, "request") {
				for _, x := range values {
					row.Values = append(row.Values, math.Round(x*10)/10)
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// quartiles are those of compare, or 0 where there are no values.
func quartiles(values []float64) (low, median, high float64) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	s := compare.Quartiles(values)
	return s.Low, s.Median, s.High
}

// percentile returns one of n/100 of sorted values.
func percentile[T any](sorted []T, n int) T { return sorted[min(len(sorted)*n/100, len(sorted)-1)] }

// describe says what s is, with the version that is linked in.
func describe(s server) Server {
	return Server{Name: s.name, Module: s.module, Version: version(s.module), Weaker: s.weaker}
}

// version returns that of a module in this program, or that of Go for "".
func version(module string) string {
	if module == "" {
		return runtime.Version()
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module && m.Replace == nil {
				return m.Version
			}
		}
	}
	return "(devel)"
}

// WriteText writes the result as text tables.
func (r *Result) WriteText(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	fmt.Fprintf(w, "%s, %s, %d CPUs, of which a server has one; validator %s\n", r.Go, r.Platform, r.CPUs, r.Validator)
	fmt.Fprintf(w, "%d rounds of %d requests over %d connections\n", r.Options.Rounds, r.Options.Requests, r.Options.Connections)
	for _, s := range r.Servers {
		fmt.Fprintf(w, "%s %s\n", s.Name, s.Version)
		for _, weaker := range s.Weaker {
			fmt.Fprintf(w, "    %s\n", weaker)
		}
	}
	title := ""
	for _, row := range r.Rows {
		if t := row.Metric + ", " + row.Unit; t != title {
			title = t
			fmt.Fprintf(out, "\n%s\tmedian\tquartiles\tx %s\tquartiles\t\n", title, bare)
		}
		fmt.Fprintf(out, "%s\t%s\t%s - %s\t%.2f\t%.2f - %.2f\t\n", row.Server,
			digits(row.Median), digits(row.Low), digits(row.High), row.RatioToBare, row.RatioLow, row.RatioHigh)
	}
	return out.Flush()
}

// digits writes what is large without decimals.
func digits(x float64) string {
	if x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}
