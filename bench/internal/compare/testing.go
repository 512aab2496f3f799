package compare

import (
	"flag"
	"fmt"
	"testing"
)

// Test checks the answer of every contender of a suite, runs its work once if it is
// not heavy, and runs every finding.
func Test(t *testing.T, s Suite) {
	for _, c := range s.Comparisons {
		t.Run(c.Name, func(t *testing.T) {
			for _, who := range c.tested() {
				run, work, err := c.start(who)
				switch {
				case err == nil && c.refused(who.Name):
					t.Errorf("%s takes part, though it is not expected to", who.Name)
				case err == nil:
				case c.refused(who.Name):
					t.Logf("%s %v", who.Name, err)
					continue
				default:
					t.Errorf("%s %v", who.Name, err)
					continue
				}
				if !c.Heavy {
					work()
				}
				run.stop()
			}
		})
	}
	for _, f := range s.Findings {
		t.Run(f.Name, func(t *testing.T) {
			table, err := f.Find(true)
			if err != nil {
				t.Error(err)
			}
			for _, row := range table.Rows {
				if len(row) != len(table.Columns) {
					t.Errorf("row %q does not fit the columns %q", row, table.Columns)
				}
				t.Logf("%q", row)
			}
		})
	}
}

// tested are the contenders that take part in a test.
func (c Comparison) tested() []Contender {
	if !c.Heavy {
		return c.Contenders
	}
	for i, who := range c.Contenders {
		if who.Role == Kit {
			return c.Contenders[i : i+1]
		}
	}
	return nil
}

// Bench runs the same work as benchmarks. The contenders run one after the other, so
// other load on the machine may affect only one: use -count and benchstat, or the
// report.
func Bench(b *testing.B, s Suite) {
	for _, c := range s.Comparisons {
		b.Run(c.Name, func(b *testing.B) {
			contenders := c.Contenders
			if flag.Lookup("test.benchtime").Value.String() == "1x" {
				contenders = c.tested() // that it runs, not how fast
			}
			for _, who := range contenders {
				b.Run(who.Name, func(b *testing.B) {
					run, work, err := c.start(who)
					if err != nil {
						b.Skip(err)
					}
					defer run.stop()
					work()
					b.ReportAllocs()
					for b.Loop() {
						work()
					}
					if c.Per > 1 {
						b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/c.per(), fmt.Sprint("ns/", c.Unit))
					}
					for unit, value := range run.metrics {
						b.ReportMetric(value, unit)
					}
				})
			}
		})
	}
}
