// Command report measures everything and writes results.json, and results.md, targets.md
// and the charts from it, in the directory that it is run in.
//
//	go -C bench run ./cmd/report
//
// It needs an idle machine: other load hardly changes the ratio of two turns, but
// increases the spread. With -quick it takes about five minutes, for a first look;
// without, about half an hour. With -run it measures only matching comparisons again,
// and keeps the rest of results.json.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/apiece/apiece/bench"
	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/report"
	"github.com/apiece/apiece/bench/service"
	"github.com/apiece/apiece/bench/stream"
)

func main() {
	service.Main() // this program is also the servers that are measured
	stream.Main()
	c := command{dir: ".", progress: os.Stderr, now: time.Now}
	quick := flag.Bool("quick", false, "a first look: few rounds, short turns")
	count := flag.Int("count", 0, "rounds (default 41, with -quick 9)")
	turn := flag.Duration("turn", 0, "time of a contender in a round (default 20ms, with -quick 2ms)")
	budget := flag.Duration("budget", 0, "time after which a comparison has rounds enough (default 20s, with -quick 1s)")
	pattern := flag.String("run", "", "measure what matches this `regexp` alone: suite/name, or service/group")
	flag.BoolVar(&c.renderOnly, "render", false, "measure nothing: pages and charts from results.json")
	flag.StringVar(&c.dir, "dir", c.dir, "where results are read and written")
	flag.Parse()

	c.options = compare.Options{Rounds: 41, Turn: 20 * time.Millisecond, Budget: 20 * time.Second}
	if *quick {
		c.options = compare.Options{Rounds: 9, Turn: 2 * time.Millisecond, Budget: time.Second}
		c.service = service.Quick()
		c.first = "A first look (`-quick`), with a spread to match. "
	}
	set(&c.options.Rounds, *count)
	set(&c.options.Turn, *turn)
	set(&c.options.Budget, *budget)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	only, err := regexp.Compile(*pattern)
	if err == nil {
		c.only, c.partly = only, *pattern != ""
		err = c.run(ctx, bench.Page())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func set[T int | time.Duration](field *T, flag T) {
	if flag != 0 {
		*field = flag
	}
}

type command struct {
	dir        string
	options    compare.Options
	service    service.Options
	only       *regexp.Regexp
	first      string // a word of warning
	partly     bool   // only matches not everything
	renderOnly bool
	progress   io.Writer
	now        func() time.Time
}

func (c *command) run(ctx context.Context, page report.Page) error {
	data := new(report.Data)
	if c.partly || c.renderOnly {
		text, err := os.ReadFile(c.file("results.json"))
		if err != nil && (c.renderOnly || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		if data, err = report.Parse(text); err != nil {
			return err
		}
	}
	if !c.renderOnly {
		if err := c.measure(ctx, page.Suites, data); err != nil {
			return err
		}
		text, err := data.Marshal()
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.file("results.json"), text, 0o666); err != nil {
			return err
		}
	}
	return c.render(page, data)
}

func (c *command) file(name string) string { return filepath.Join(c.dir, name) }

// render writes all files that are made of the data. No other charts stay.
func (c *command) render(page report.Page, data *report.Data) error {
	files, err := page.Files(data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.file("charts"), 0o777); err != nil {
		return err
	}
	old, err := filepath.Glob(c.file("charts/*.svg"))
	for _, name := range old {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(c.file(filepath.FromSlash(name)), text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// A step is something to measure.
type step struct {
	name string
	cost time.Duration // a guess
	do   func() error
}

func (c *command) measure(ctx context.Context, suites []compare.Suite, data *report.Data) error {
	date := c.now().UTC().Format(time.DateOnly)
	how := fmt.Sprintf("%sUp to %d rounds with turns of %v, until a comparison has taken %v.", c.first, c.options.Rounds, c.options.Turn, c.options.Budget)
	machine, err := report.ThisMachine(date, how, report.Modules(suites, bench.Shared()...))
	if err != nil {
		return err
	}
	if old := data.Machine; old.CPU != "" && (old.CPU != machine.CPU || old.Go != machine.Go) {
		return fmt.Errorf("results.json is from %s with %s: measure everything", old.CPU, old.Go)
	}
	data.Machine = machine
	data.Keep(suites)
	steps := c.steps(ctx, suites, data, date)
	if len(steps) == 0 {
		return fmt.Errorf("nothing matches %s", c.only)
	}
	var all, done time.Duration
	for _, s := range steps {
		all += s.cost
	}
	start := time.Now()
	for i, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		begin := time.Now()
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		done += s.cost
		elapsed := time.Since(start)
		left := time.Duration(float64(elapsed) * float64(all-done) / float64(done))
		fmt.Fprintf(c.progress, "[%3d/%d] %-32s %7.1fs   elapsed %v, about %v to go\n",
			i+1, len(steps), s.name, time.Since(begin).Seconds(), elapsed.Round(time.Second), left.Round(time.Second))
	}
	return nil
}

func (c *command) steps(ctx context.Context, suites []compare.Suite, data *report.Data, date string) (steps []step) {
	add := func(name string, cost time.Duration, do func() error) {
		if c.only.MatchString(name) {
			steps = append(steps, step{name, cost, do})
		}
	}
	for _, s := range suites {
		for _, x := range s.Comparisons {
			add(s.Name+"/"+x.Name, c.options.Cost(x), func() error {
				r := x.Measure(c.options)
				r.Suite = s.Name
				for _, who := range r.Samples {
					if who.Error != "" && who.Role == compare.Kit {
						return fmt.Errorf("%s %s", who.Name, who.Error)
					}
				}
				data.Add(r)
				return nil
			})
		}
		for _, f := range s.Findings {
			add(s.Name+"/"+f.Name, 3*time.Second, func() error {
				table, err := f.Find(false)
				found := report.Finding{Suite: s.Name, Name: f.Name, Date: date, Table: table}
				if err != nil {
					found.Error = err.Error()
				}
				data.AddFinding(found)
				return nil
			})
		}
	}
	for i, group := range service.Groups() {
		options := c.service
		options.Group = group
		cost := 3 * time.Minute
		if options.Rounds > 0 {
			cost = 20 * time.Second
		}
		if i == 0 {
			cost *= 2 // of which memory and latency are also measured
		}
		add("service/"+group, cost, func() error {
			r, err := service.Run(ctx, options)
			if err == nil {
				data.AddService(r)
			}
			return err
		})
	}
	return steps
}
