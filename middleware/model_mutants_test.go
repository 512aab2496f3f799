package middleware_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var modelMutants = flag.String("model.mutants", "", `"all", or a part of the name of faults that the model is to find`)

// A mutant is a fault inserted into the code.
type mutant struct {
	name string
	file string
	// edits are pairs of a text, which must be in the file exactly once, and its
	// replacement.
	edits []string
}

const (
	mutantState   = "internal/response/state.go"
	mutantGuard   = "internal/response/guard.go"
	mutantWrite   = "internal/response/write.go"
	mutantCommit  = "internal/response/commit.go"
	mutantSent    = "internal/response/sent.go"
	mutantRun     = "middleware/timeout_run.go"
	mutantRespond = "middleware/timeout_response.go"
	mutantContext = "middleware/timeout_context.go"
)

var mutants = []mutant{
	{"none", mutantState, nil},
	{"the end is announced and not decided", mutantContext, []string{"	tc.ended.CompareAndSwap(nil, ctx)\n", ""}},
	{"Err before Done", mutantContext, []string{"	} else if c := tc.child.Load(); c != nil {\n		c.finish() // by a goroutine that is between the two steps of end\n", ""}},
	{"Done does not look whether it has ended meanwhile", mutantContext, []string{"if tc.ended.Load() != nil {\n			c.finish()", "if false {\n			c.finish()"}},
	{"taken while a call is inside", mutantState, []string{"case l.word&calls == 0:", "case true:"}},
	{"taken although it has changed", mutantState, []string{"if !s.word.CompareAndSwap(l.word, next) {\n		return Again\n	}", "s.word.Store(next)"}},
	{"the last to leave does not take", mutantState, []string{"takes = next&late != 0 && next&calls == 0 && was <= Sent; takes", "takes = false; takes"}},
	{"any who leaves takes", mutantState, []string{"next&late != 0 && next&calls == 0 &&", "next&late != 0 &&"}},
	{"settle ignores late", mutantState, []string{"was == Taken || w&late != 0 && was <= Sent", "was == Taken"}},
	{"settle ignores taken", mutantState, []string{"was == Taken || w&late != 0 && was <= Sent", "false"}},
	{"calls go on after the time is up", mutantState, []string{"phaseOf(w) <= Sent && w&late == 0", "phaseOf(w) <= Sent"}},
	{"the timer ignores a hijack under way", mutantState, []string{"case l.Phase() == Hijacking:", "case false:"}},
	{"504 after a hijack", mutantState, []string{"next&calls == 0 && was <= Sent", "next&calls == 0 && was <= Foreign",
		"		if p == Foreign {\n			w &^= late\n		}\n", ""}},
	{"a move of the deadline is not counted", mutantState, []string{"l.word+moved)", "l.word)"}},
	{"a hook runs inside", mutantCommit, []string{"		f(status)\n		if err := rw.lost(); err != nil {", "		if _, err := rw.enter(Open); err == nil {\n			f(status)\n			rw.leave()\n		}\n		if err := rw.lost(); err != nil {"}},
	{"the commit does not look again after the hook", mutantCommit, []string{"if _, err := rw.enter(Held); err != nil {\n			return err\n		}\n", "_, _ = rw.enter(Held)\n"}},
	{"a refusal does not look again after the hook", mutantWrite, []string{"if _, err := rw.enter(Sent); err != nil {\n		return false\n	}\n	defer rw.leave()\n", "_, _ = rw.enter(Sent)\n"}},
	{"a 1xx leaves the handler's header", mutantCommit, []string{"		defer replace(h, before)\n", "		_ = before\n"}},
	{"the handler has the server's header", mutantCommit, []string{"	g := rw.guard\n	if g == nil {\n		return rw.inner.Header()", "	g := rw.guard\n	if true {\n		return rw.inner.Header()"}},
	{"a header filled at the commit is not kept", mutantCommit, []string{"	rw.guard.keep(h)\n", ""}},
	{"a header is filled although the time is up", mutantCommit, []string{"if _, err := rw.enter(Open); err != nil {\n		return 0\n	}\n", "_, _ = rw.enter(Open)\n"}},
	{"the header is not restored", mutantRespond, []string{"		response.Safely(func() { t.w.Restore(was) })\n", ""}},
	{"nothing is held", mutantGuard, []string{"if n+int64(len(p)) > bufferSize {", "if true {"}},
	{"held counts as sent", mutantSent, []string{"return p >= Sent && p != Taken", "return p >= Held && p != Taken"}},
	{"a part counts as whole", mutantSent, []string{"rw.noBody || rw.declared == rw.n", "rw.noBody || rw.declared <= rw.n"}},
	{"a whole response is cut", mutantRespond, []string{"if lost || was == response.Sent && t.w.Complete() {", "if lost {"}},
	{"504 after a part", mutantRespond, []string{"if was != response.Sent {", "if true {"}},
	{"Finish sends what was taken", mutantRun, []string{"	was, ok := t.w.Settle()\n", "	was, ok := t.w.Settle()\n	t.was = response.Held\n", "	if t.inTime {\n		cut", "	if true {\n		cut"}},
	{"the return does not wait for the answer", mutantRun, []string{"		t.settle()\n		t.await()\n", "		t.settle()\n"}},
	{"an error of the end is not looked at", mutantRun, []string{"return t.w.Finish(t.was, returned) != nil", "_ = t.w.Finish(t.was, returned)\n	return false"}},
	{"an answer that failed is not cut", mutantRespond, []string{"\tt.cut = true // until", "\t// until"}},
	{"a panic of a foreign method is not caught", mutantGuard, []string{"	defer func() { _ = recover() }()\n", ""}},
	{"a write that is stuck stays so", mutantGuard, []string{"	Safely(func() { _ = http.NewResponseController(rw.inner).SetWriteDeadline(time.Now().Add(d)) })\n", ""}},
	{"a deadline of the handler keeps it so", "internal/response/capabilities.go", []string{"rw.guard != nil && rw.guard.Look().Late()", "false"}},
	{"a deadline stays on the connection", mutantRespond, []string{"		response.Safely(func() { _ = rc.SetWriteDeadline(time.Time{}) })\n", ""}},
	{"a surplus write cuts what is whole", "internal/response/budget.go", []string{"case rw.Complete() && rw.Sent():", "case false:"}},
	{"Abort passes the guard", "internal/response/cut.go", []string{"			hijack = rw.seize\n", "			_ = rw\n"}},
	{"a cut is an end to HTTP/1.0", "internal/response/cut.go", []string{"			_ = l.SetLinger(0)\n", "			_ = l\n"}},
	{"a Timeout further out is not looked at", mutantRun, []string{"cut && returned && !response.Lost(t.w.Unwrap())", "cut && returned"}},
}

// TestModelMutants inserts each of the faults into a copy of the module and checks
// whether the model finds it.
func TestModelMutants(t *testing.T) {
	for _, m := range mutants { // in every run: every fault must fit the code
		text, err := os.ReadFile(filepath.Join("..", m.file))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(m.edits); i += 2 {
			if n := strings.Count(string(text), m.edits[i]); n != 1 {
				t.Errorf("%s: %q stands %d times in %s", m.name, m.edits[i], n, m.file)
			}
		}
	}
	if *modelMutants == "" || t.Failed() {
		return
	}
	dir := t.TempDir()
	copyModule(t, dir)
	found, tried := 0, 0
	for _, m := range mutants {
		if *modelMutants != "all" && !strings.Contains(m.name, *modelMutants) {
			continue
		}
		name := filepath.Join(dir, m.file)
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		mutated := string(text)
		for i := 0; i < len(m.edits); i += 2 {
			mutated = strings.Replace(mutated, m.edits[i], m.edits[i+1], 1)
		}
		write(t, name, []byte(mutated))
		cmd := exec.Command("go", "test", "-trimpath", "-vet=off", "-count=1", "-timeout=5m", "-run=^TestModel$", "./middleware", "-model=mutants")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		write(t, name, text)
		switch why := reason(out); {
		case bytes.Contains(out, []byte("[build failed]")):
			t.Errorf("%s: %s", m.name, out)
		case m.edits == nil:
			if err != nil {
				t.Fatalf("without a fault: %s", out)
			}
		case err == nil:
			t.Errorf("%s: not found", m.name)
			tried++
		default:
			t.Logf("%s: %.200s", m.name, why)
			found, tried = found+1, tried+1
		}
	}
	t.Logf("%d of %d found", found, tried)
}

// reason returns the line of the output with the model's finding.
func reason(out []byte) string {
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "_test.go:") && !strings.Contains(line, " schedules") || strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			return strings.TrimSpace(line)
		}
	}
	return string(out[max(0, len(out)-200):])
}

// copyModule copies the packages of the module, and only the model of their tests.
func copyModule(t *testing.T, dir string) {
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if _, err := fs.Stat(root, filepath.Join(name, "go.mod")); err == nil && name != "." || d.Name() == "testdata" || d.Name() == ".git" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(dir, name), 0o700)
		}
		base := filepath.Base(name)
		test := strings.HasSuffix(base, "_test.go") && !strings.HasPrefix(base, "model_")
		if test || !strings.HasSuffix(base, ".go") && base != "go.mod" && base != "go.sum" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err == nil {
			write(t, filepath.Join(dir, name), text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
