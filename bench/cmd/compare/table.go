package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/apiece/apiece/bench/internal/compare"
)

// measured has the results of both programs, turn by turn.
type measured struct{ before, after series }

// A series has the values of each benchmark and unit, in order of turns.
type series struct {
	names  []string
	values map[string]map[string][]float64
}

// procs is the suffix that go test appends to the name of a benchmark on more than one processor.
var procs = regexp.MustCompile(`-\d+$`)

// read parses the output of a program, and returns how many benchmarks ran.
func (s *series) read(text string) (count int) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := procs.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		if s.values == nil {
			s.values = map[string]map[string][]float64{}
		}
		if s.values[name] == nil {
			s.values[name] = map[string][]float64{}
			s.names = append(s.names, name)
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if x, err := strconv.ParseFloat(fields[i], 64); err == nil {
				s.values[name][fields[i+1]] = append(s.values[name][fields[i+1]], x)
			}
		}
		count++
	}
	return count
}

// time returns the unit by which a benchmark is compared.
func (s *series) time(name string) string {
	if len(s.values[name]["cpu-ns/op"]) > 0 {
		return "cpu-ns/op"
	}
	return "ns/op"
}

// write prints the result of each benchmark.
func (m *measured) write(w io.Writer, base string) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "benchmark\tunit\t%s\tnow\tratio\tmiddle half\tB/op\tallocs/op\n", base)
	for _, name := range m.after.names {
		unit := m.after.time(name)
		before, after := m.before.values[name], m.after.values[name]
		if before == nil {
			fmt.Fprintf(out, "%s\t%s\t-\t%.0f\tnew\n", name, unit, compare.Quartiles(after[unit]).Median)
			continue
		}
		var ratios []float64
		for i := range min(len(before[unit]), len(after[unit])) {
			if before[unit][i] > 0 {
				ratios = append(ratios, after[unit][i]/before[unit][i])
			}
		}
		q := compare.Quartiles(ratios)
		fmt.Fprintf(out, "%s\t%s\t%.0f\t%.0f\t%.3f\t%.3f - %.3f\t%s\t%s\n", name, unit,
			compare.Quartiles(before[unit]).Median, compare.Quartiles(after[unit]).Median, q.Median, q.Low, q.High,
			change(before["B/op"], after["B/op"]), change(before["allocs/op"], after["allocs/op"]))
	}
	for _, name := range m.before.names {
		if !slices.Contains(m.after.names, name) {
			fmt.Fprintf(out, "%s\t%s\t%.0f\t-\tgone\n", name, m.before.time(name), compare.Quartiles(m.before.values[name][m.before.time(name)]).Median)
		}
	}
	return out.Flush()
}

// change is "before -> after", or one of them if they are the same.
func change(before, after []float64) string {
	if len(before) == 0 || len(after) == 0 {
		return ""
	}
	b, a := fmt.Sprintf("%.0f", compare.Quartiles(before).Median), fmt.Sprintf("%.0f", compare.Quartiles(after).Median)
	if a == b {
		return a
	}
	return b + " -> " + a
}
