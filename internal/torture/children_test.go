package torture_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A child is a separate process, which is the test binary again: one of the services,
// or the subject of a fault of a whole process. The latter prints its findings, and
// nothing if there are none.

const childVariable = "APIECE_TORTURE_CHILD"

// complained is the exit code of a child that has findings.
const complained = 1

func suffer(name string) int {
	f, ok := children()[name]
	if build := services[name]; build != nil {
		f, ok = func() error { return serve(build) }, true
	}
	if !ok {
		fmt.Println("there is no such child:", name)
		return complained
	}
	if err := f(); err != nil {
		fmt.Println(err)
		return complained
	}
	return 0
}

// child runs a child, and returns its findings. Prepare may be nil.
func child(t *testing.T, name string, prepare func(*exec.Cmd), environment ...string) error {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childVariable+"="+name), environment...)
	if prepare != nil {
		prepare(cmd)
	}
	stuck := time.AfterFunc(2*patience, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	said, err := cmd.CombinedOutput()
	if text := strings.TrimSpace(string(said)); text != "" {
		if err == nil {
			t.Log(text)
			return nil
		}
		text = text[:min(len(text), 4000)]
		return errors.Join(err, errors.New(text))
	}
	return err
}

// unavailable skips the test, or fails it where every requirement must be met.
func unavailable(t *testing.T, name, why string) {
	t.Helper()
	if strings.Contains(os.Getenv("APIECE_REQUIRE"), name) {
		t.Fatalf("APIECE_REQUIRE names %s, but %s", name, why)
	}
	t.Skipf("%s; set APIECE_REQUIRE=%s to fail instead", why, name)
}
