// Command compare compares the benchmarks of the working tree with those of another
// revision: it builds both, runs them in turns, and prints the ratios of adjacent
// turns, with quartiles.
//
//	make bench-compare BASE=main
//	go -C bench run ./cmd/compare -base main -package ./bodyparser -bench 'Bind200B/kit$' -benchtime 200us
//
// It compares the CPU time, cpu-ns/op, of benchmarks that report it, else ns/op. Both
// are from adjacent turns, so that other load on the machine affects both. If
// net/http alone, which no change of the kit affects, is not at 1, or the
// interquartile range is wide, the machine is too busy to measure time. Bytes and
// allocations are valid on any machine. Instructions are not counted: the virtual
// machines of CI have no access to CPU counters.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	c := command{out: os.Stdout}
	base := flag.String("base", "", "the `revision` to compare with")
	flag.StringVar(&c.pkg, "package", "./service", "package of the benchmarks, in the module bench")
	flag.StringVar(&c.bench, "bench", "Mem/documented/.*/(net|apiece)$", "which of them, as for go test -bench")
	flag.StringVar(&c.benchtime, "benchtime", "500x", "length of a turn, as for go test -benchtime")
	flag.IntVar(&c.rounds, "rounds", 60, "rounds, in each of which both have a turn")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx, *base); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type command struct {
	pkg, bench, benchtime string
	rounds                int
	out                   io.Writer
}

func (c command) run(ctx context.Context, base string) (err error) {
	if base == "" {
		return errors.New("compare: with what? -base main")
	}
	top, err := output(ctx, "", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-compare")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tree := filepath.Join(dir, "base")
	if _, err := output(ctx, top, "git", "worktree", "add", "--detach", tree, base); err != nil {
		return err
	}
	defer func() {
		_, removed := output(context.WithoutCancel(ctx), top, "git", "worktree", "remove", "--force", tree)
		err = errors.Join(err, removed)
	}()
	before, err := c.build(ctx, tree, filepath.Join(dir, "before.test"))
	if err != nil {
		return fmt.Errorf("at %s: %w", base, err)
	}
	after, err := c.build(ctx, top, filepath.Join(dir, "after.test"))
	if err != nil {
		return err
	}
	var m measured
	for round := range c.rounds {
		fmt.Fprintf(os.Stderr, "\rround %d of %d ", round+1, c.rounds)
		turns := []func() error{
			func() error { return c.turn(ctx, before, &m.before) },
			func() error { return c.turn(ctx, after, &m.after) },
		}
		if round%2 == 1 {
			turns[0], turns[1] = turns[1], turns[0]
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(os.Stderr)
	return m.write(c.out, base)
}

// A program is a benchmark binary and its directory.
type program struct{ file, dir string }

func (c command) build(ctx context.Context, tree, file string) (program, error) {
	dir := filepath.Join(tree, "bench")
	_, err := output(ctx, dir, "go", "test", "-c", "-o", file, c.pkg)
	return program{file, filepath.Join(dir, c.pkg)}, err
}

func (c command) turn(ctx context.Context, p program, s *series) error {
	text, err := output(ctx, p.dir, p.file, "-test.run=^$", "-test.bench="+c.bench, "-test.benchtime="+c.benchtime, "-test.cpu=1", "-test.benchmem")
	if err != nil {
		return err
	}
	if s.read(text) == 0 {
		return fmt.Errorf("compare: no benchmark matches %s", c.bench)
	}
	return nil
}

// output runs a program and returns its output.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", name, err, out, errs.String())
	}
	return strings.TrimSpace(string(out)), nil
}
