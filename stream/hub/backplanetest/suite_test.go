package backplanetest_test

import (
	"sync"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestMemory(t *testing.T) {
	var mu sync.Mutex
	logs := make(map[string]*backplanetest.Memory)
	open := func(name string) *backplanetest.Memory {
		mu.Lock()
		defer mu.Unlock()
		if logs[name] == nil {
			logs[name] = new(backplanetest.Memory)
		}
		return logs[name]
	}
	backplanetest.Suite{
		Open:   func(_ testing.TB, log string) hub.Backplane { return open(log) },
		Forget: func(_ testing.TB, log string) { open(log).Forget(1) },
		Wipe:   func(_ testing.TB, log string) { open(log).Wipe() },
	}.Run(t)
}

func BenchmarkMemory(b *testing.B) {
	logs := make(map[string]*backplanetest.Memory)
	backplanetest.Suite{Open: func(_ testing.TB, log string) hub.Backplane {
		if logs[log] == nil {
			logs[log] = new(backplanetest.Memory)
		}
		return logs[log]
	}}.Bench(b)
}
