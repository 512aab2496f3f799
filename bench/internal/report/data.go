// Package report stores measurements, and renders pages and charts from them.
package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/service"
)

// Data has all measurements: the samples, not derived values.
type Data struct {
	Machine  Machine
	Results  []compare.Result
	Findings []Finding
	Services []*service.Result // end to end, by group
}

// A Machine describes the machine of the measurements.
type Machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Platform string            `json:"platform"`
	Go       string            `json:"go"`
	Date     string            `json:"date"`
	How      string            `json:"how"` // the options
	Modules  map[string]string `json:"modules"`
}

// A Finding is the stored result of a finding.
type Finding struct {
	Suite string        `json:"suite"`
	Name  string        `json:"name"`
	Date  string        `json:"date"`
	Table compare.Table `json:"table"`
	Error string        `json:"error,omitempty"`
}

// ThisMachine describes the machine and the build. Modules are those whose
// versions the build has.
func ThisMachine(date, how string, modules []string) (Machine, error) {
	m := Machine{
		CPU: cpu(), Cores: runtime.NumCPU(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Date: date, How: how, Modules: make(map[string]string),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return m, fmt.Errorf("report: the build does not say which versions it has")
	}
	for _, dep := range info.Deps {
		if slices.Contains(modules, dep.Path) {
			m.Modules[dep.Path] = dep.Version
		}
	}
	for _, module := range modules {
		if m.Modules[module] == "" {
			return m, fmt.Errorf("report: %s is measured, but not in the build", module)
		}
	}
	return m, nil
}

// Modules are those that the contenders say they come from, and what all of
// them use.
func Modules(suites []compare.Suite, shared ...string) []string {
	found := shared
	for _, s := range suites {
		for _, c := range s.Comparisons {
			for _, who := range c.Contenders {
				if who.Module != "" {
					found = append(found, who.Module)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// cpu is the model of the processor, where the system tells.
func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// Add adds a result, or replaces an older one.
func (d *Data) Add(r compare.Result) {
	for i := range d.Results {
		if d.Results[i].Suite == r.Suite && d.Results[i].Name == r.Name {
			d.Results[i] = r
			return
		}
	}
	d.Results = append(d.Results, r)
}

// AddFinding adds a finding, or replaces an older one.
func (d *Data) AddFinding(f Finding) {
	for i := range d.Findings {
		if d.Findings[i].Suite == f.Suite && d.Findings[i].Name == f.Name {
			d.Findings[i] = f
			return
		}
	}
	d.Findings = append(d.Findings, f)
}

// AddService adds the services of a group, or replaces older ones.
func (d *Data) AddService(r *service.Result) {
	for i, old := range d.Services {
		if groupOf(old) == groupOf(r) {
			d.Services[i] = r
			return
		}
	}
	d.Services = append(d.Services, r)
}

func groupOf(r *service.Result) string { return cmp.Or(r.Options.Group, service.Groups()[0]) }

// service returns what was measured of the services that a name like
// "service/documented/4 KB page" is about, and of what of them.
func (d *Data) service(name string) (r *service.Result, metric string) {
	if rest, ok := strings.CutPrefix(name, "service/"); ok {
		group, metric, _ := strings.Cut(rest, "/")
		for _, r := range d.Services {
			if groupOf(r) == group {
				return r, metric
			}
		}
	}
	return nil, ""
}

// Keep drops results that the suites no longer measure.
func (d *Data) Keep(suites []compare.Suite) {
	known := make(map[string]bool)
	for _, s := range suites {
		for _, c := range s.Comparisons {
			known[s.Name+"/"+c.Name] = true
		}
		for _, f := range s.Findings {
			known[s.Name+"/"+f.Name] = true
		}
	}
	d.Results = slices.DeleteFunc(d.Results, func(r compare.Result) bool { return !known[r.Suite+"/"+r.Name] })
	d.Services = slices.DeleteFunc(d.Services, func(r *service.Result) bool { return !slices.Contains(service.Groups(), groupOf(r)) })
	d.Findings = slices.DeleteFunc(d.Findings, func(f Finding) bool { return !known[f.Suite+"/"+f.Name] })
}

func (d *Data) result(name string) *compare.Result {
	for i := range d.Results {
		if r := &d.Results[i]; r.Suite+"/"+r.Name == name {
			return r
		}
	}
	return nil
}

func (d *Data) finding(name string) *Finding {
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Suite+"/"+f.Name == name {
			return f
		}
	}
	return nil
}

// A line of the file is the machine, a comparison, a finding, or the service:
// one that is measured again changes its line alone.
type line struct {
	Machine *Machine        `json:"machine,omitempty"`
	Result  *compare.Result `json:"result,omitempty"`
	Finding *Finding        `json:"finding,omitempty"`
	Service *service.Result `json:"service,omitempty"`
}

// Marshal returns the data as lines of JSON.
func (d *Data) Marshal() ([]byte, error) {
	lines := []line{{Machine: &d.Machine}}
	for i := range d.Results {
		lines = append(lines, line{Result: &d.Results[i]})
	}
	for i := range d.Findings {
		lines = append(lines, line{Finding: &d.Findings[i]})
	}
	for _, s := range d.Services {
		lines = append(lines, line{Service: s})
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// Parse is the inverse of Marshal.
func Parse(text []byte) (*Data, error) {
	d := new(Data)
	n := 0
	for text := range bytes.Lines(text) {
		n++
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("report: line %d: %w", n, err)
		}
		switch {
		case l.Machine != nil:
			d.Machine = *l.Machine
		case l.Result != nil:
			d.Add(*l.Result)
		case l.Finding != nil:
			d.AddFinding(*l.Finding)
		case l.Service != nil:
			d.AddService(l.Service)
		}
	}
	return d, nil
}
