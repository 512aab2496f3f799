package middleware_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The model runs the real Timeout, ResponseLimit and Recover with their internals under
// a scheduler that decides which goroutine takes its next step, and checks the result
// of the client of a strict server. A short selection runs in every "go test"; "make
// model" runs the selection of CI.
var (
	modelSize     = flag.String("model", "short", "how much of the model to explore: short, full (a minute), long (a quarter of an hour or more) or mutants (what finds each of them)")
	modelScenario = flag.String("model.scenario", "", "explore this scenario of the model alone")
	modelAll      = flag.Bool("model.all", false, "go on with the next scenario after a fault")
	modelLayers   = flag.String("model.layers", "", "explore these layers of the model alone")
)

// A selection is a part of what could be explored.
type selection struct {
	layers     string
	servers    string
	programs   []string
	leaves     bool // the client may leave
	preempt    int
	exhaustive bool
	draws      int // otherwise
}

const (
	allLayers  = "t Tt tT Rt tR tL TtL"
	allServers = "1.1 1.0 2 plain panics broken short"
)

// chosen are pairs of calls that affect each other.
var chosen = []string{
	"Hw.", "Hw!", "HW.", "wF.", "wwg", "FB.", "AE.", "AX.", "Eb.", "CF.", "Cb.", "Cw.", "BS.", "KW.", "Kw!",
	"wJ.", "FJ.", "kw.", "kF!", "kW.", "Ab.", "mm.", "XB.", "dS.", "dw.", "Ib.", "HI.", "WB.", "Nw.", "HR.", "XK.", "bc.", "cw!",
}

// programs returns all programs of n calls.
func programs(n int) (all []string) {
	all = []string{""}
	for range n {
		var longer []string
		for _, p := range all {
			for _, c := range modelCalls {
				longer = append(longer, p+string(c))
			}
		}
		all = longer
	}
	ended := all[:0:0]
	for _, p := range all {
		for _, end := range modelEnds {
			ended = append(ended, p+string(end))
		}
	}
	return ended
}

func selections() []selection {
	one := programs(1)
	switch *modelSize {
	case "long":
		return []selection{
			{"t", allServers, one, false, 1, true, 0},
			{"Rt", allServers, one, false, 1, true, 0},
			{"tR", allServers, one, false, 1, true, 0},
			{"t", "1.1 2", one, true, 1, true, 0},
			{"tL Tt tT TtL", allServers, one, false, 3, false, 200},
			{"t", allServers, chosen, false, 3, false, 200},
			{allLayers, allServers, programs(2), false, 4, false, 8},
			{"t tL", "1.1 2", programs(3), false, 4, false, 2},
		}
	case "full":
		return []selection{
			{"t", allServers, one, false, 1, true, 0},
			{"tL", "1.0 1.1", []string{"FB."}, false, 2, true, 0},
			{allLayers, allServers, one, false, 3, false, 15},
			{allLayers, allServers, chosen, false, 3, false, 20},
			{"t", allServers, one, true, 3, false, 15},
			{"t tL Tt", "1.1 2", programs(2), false, 3, false, 5},
		}
	}
	if *modelSize == "mutants" {
		return []selection{
			{"tL", "1.0", []string{"FB."}, false, 2, true, 0},
			{allLayers, allServers, chosen, false, 3, false, 12},
			{"t tL Tt", "1.1 1.0 2", one, false, 3, false, 40},
			{"t", allServers, chosen, false, 3, false, 60},
		}
	}
	return []selection{
		{"t", "1.1 2", one, false, 2, false, 6},
		{allLayers, "1.1 2 panics", chosen, false, 3, false, 4},
	}
}

func TestModel(t *testing.T) {
	// With one P, goroutines are numbered in the order in which they start.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	file := modelFile(t)
	start, scenarios, schedules := time.Now(), 0, 0
	for _, sel := range selections() {
		begin, some, n := time.Now(), 0, 0
		for _, layers := range strings.Fields(sel.layers) {
			for _, server := range strings.Fields(sel.servers) {
				for _, program := range sel.programs {
					sc := scenario{server, layers, program, sel.leaves}
					if sc.skip(sel.exhaustive) {
						continue
					}
					some++
					n += sc.explore(t, sel, file)
					if t.Failed() && !*modelAll {
						return
					}
				}
			}
		}
		how := "drawn"
		if sel.exhaustive {
			how = "all"
		}
		t.Logf("%d scenarios, %d schedules, %s of those with %d preemptions: %s on %s, programs such as %s (%v)",
			some, n, how, sel.preempt, sel.layers, sel.servers, sel.programs[0], time.Since(begin).Round(time.Millisecond))
		scenarios, schedules = scenarios+some, schedules+n
	}
	t.Logf("%d scenarios, %d schedules, %v", scenarios, schedules, time.Since(start).Round(time.Millisecond))
}

// skip reports whether a scenario was not selected, or cannot be explored depth first:
// if a handler moves two deadlines to one instant, synctest picks the first timer at
// random.
func (sc scenario) skip(exhaustive bool) bool {
	if exhaustive && strings.Contains(sc.program, "X") && strings.ContainsRune(sc.layers, 'T') {
		return true
	}
	return *modelScenario != "" && *modelScenario != sc.String() || *modelLayers != "" && *modelLayers != sc.layers
}

// explore plays the selected schedules of a scenario.
func (sc scenario) explore(t *testing.T, sel selection, file *os.File) (n int) {
	var fault string
	synctest.Test(t, func(*testing.T) {
		all := &depthFirst{}
		var c chooser = all
		if !sel.exhaustive {
			c = draw(sel.draws)
		}
		for more := true; more; more = c.next() {
			p := sc.run(c.choose, sel.preempt, file)
			n++
			if all.diverged {
				p.fault("the same choices have led to another place")
			}
			if len(p.faults) > 0 {
				fault = fmt.Sprintf("%s\nafter %s", strings.Join(p.faults, "\n"), strings.Join(p.trace, ", "))
				return
			}
		}
	})
	if fault != "" {
		t.Errorf("%v: %s", sc, fault)
	}
	return n
}
