package bench_test

import (
	"strings"
	"testing"

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
				t.Errorf("%s: nobody measures %q of %s", target.What, c.Kit, c.Of)
			}
			if c.To != "" && c.To != report.Fastest && !contenders[c.Of+": "+c.To] {
				t.Errorf("%s: nobody measures %q of %s", target.What, c.To, c.Of)
			}
			if c.Max == 0 && c.Min == 0 && c.What != "allocs" {
				t.Errorf("%s: a claim about %s has no bound", target.What, c.Of)
			}
		}
	}
	for _, c := range bench.Charts() {
		if c.Of != "" && !contenders[c.Of] || c.Growth != "" && !growths[c.Growth] {
			t.Errorf("chart %s shows nothing", c.File)
		}
	}
}

func TestRules(t *testing.T) {
	rules := bench.Page().Rules
	if n := strings.Count("\n"+rules, "\n- "); n < 5 || strings.Contains(rules, "//") {
		t.Errorf("%d rules:\n%s", n, rules)
	}
}
