package service

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRun runs a short measurement of everything on all servers.
func TestRun(t *testing.T) {
	var progress []string
	o := Options{Rounds: 2, Requests: 40, Connections: 2, Rate: 200, Latency: 100 * time.Millisecond, Open: 5, Profile: t.TempDir()}
	o.Progress = func(what string) { progress = append(progress, what) }
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(progress) != 4 {
		t.Errorf("progress %q", progress)
	}
	profiles, err := os.ReadDir(o.Profile)
	if err != nil || len(profiles) != len(Servers(""))*len(measured()) {
		t.Errorf("%d profiles, %v", len(profiles), err)
	}

	// Each figure has a row for each server, and none is missing or absurd.
	figures := map[string][]string{}
	for _, row := range result.Rows {
		name := row.Metric + ", " + row.Unit
		figures[name] = append(figures[name], row.Server)
		memory := strings.HasPrefix(row.Metric, "idle") || strings.HasPrefix(row.Metric, "open")
		for _, x := range []float64{row.Low, row.Median, row.High, row.RatioLow, row.RatioToBare, row.RatioHigh} {
			if math.IsNaN(x) || math.IsInf(x, 0) || x <= 0 && !memory {
				t.Errorf("%+v", row)
				break
			}
		}
		if row.Low > row.Median || row.Median > row.High || row.Server == bare && row.RatioToBare != 1 && row.Median > 0 {
			t.Errorf("%+v", row)
		}
		if want := 1 + map[bool]float64{true: 1}[row.Metric == "open stream"]; row.Unit == "goroutines" && math.Abs(row.Median-want) > 0.5 {
			t.Errorf("%s: %s: %v goroutines, want %v", row.Server, row.Metric, row.Median, want)
		}
	}
	if want := 4*3 + 2 + 2*3; len(figures) != want {
		t.Errorf("%d figures, want %d", len(figures), want)
	}
	for name, servers := range figures {
		if !slices.Equal(servers, Servers("")) {
			t.Errorf("%s: rows for %v", name, servers)
		}
	}

	// Readers get all of it, in either form.
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var again Result
	if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again.Rows, result.Rows) {
		t.Errorf("read back: %v", err)
	}
	var table strings.Builder
	if err := result.WriteText(&table); err != nil {
		t.Fatal(err)
	}
	for _, s := range result.Servers { // a test binary does not know the versions of its modules
		if s.Version == "" || len(regexp.MustCompile(`(?m)^ *`+s.Name+`\|`).FindAllString(table.String(), -1)) != len(figures) {
			t.Errorf("%+v is not in each table", s)
		}
	}
	t.Log(table.String())
}

// TestRunLoads measures under each load of the group that has some.
func TestRunLoads(t *testing.T) {
	g, _ := groupByName("growth")
	result, err := Run(t.Context(), Options{Group: "growth", Servers: []string{bare, "apiece"}, Rounds: 2, Requests: 20})
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * 3 * len(g.loads); len(result.Rows) != want {
		t.Errorf("%d rows, want %d", len(result.Rows), want)
	}
	for _, row := range result.Rows {
		if row.Median <= 0 || len(row.Values) != 2 {
			t.Errorf("%+v", row)
		}
	}
	if _, err := Run(t.Context(), Options{Group: "none"}); err == nil || !strings.Contains(err.Error(), "growth") {
		t.Errorf("a group that is not there: %v", err)
	}
}

// TestRunRefuses has options that would measure nothing, or start processes endlessly.
func TestRunRefuses(t *testing.T) {
	if _, err := Run(t.Context(), Options{Servers: []string{"rails"}}); err == nil || !strings.Contains(err.Error(), "fiber") {
		t.Errorf("a server that is not there: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ended, Options{}); err == nil {
		t.Error("a context that has ended: no error")
	}
	t.Setenv(environ, bare)
	if _, err := Run(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "Main") {
		t.Errorf("in a program that does not call Main: %v", err)
	}
}

// TestServerEnds: a server ends when its parent does, and reports errors.
func TestServerEnds(t *testing.T) {
	s, _ := groups()[0].server("apiece")
	c, err := start(t.Context(), s, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", c.Addr); err == nil {
		t.Error("it still listens")
	}
	if _, err := start(t.Context(), server{name: "none"}, 1); err == nil || !strings.Contains(err.Error(), `no server \"none\"`) {
		t.Errorf("a server that does not start: %v", err)
	}
	bareAgain, _ := groups()[0].server(bare)
	if c, err = start(t.Context(), bareAgain, 1); err != nil {
		t.Fatal(err)
	}
	status(t, c.Addr, get("/api/panic"))
	if err := c.Stop(); err == nil || !strings.Contains(err.Error(), "a handler that fails") {
		t.Errorf("a server that has logged: %v", err)
	}
}

// pipe returns a connection to a server that answers each request, the i-th of
// them by answer(i).
func pipe(answer func(i int) string) (*conn, func()) {
	client, server := net.Pipe()
	go func() {
		request := make([]byte, 100)
		for i := 0; ; i++ {
			if _, err := server.Read(request); err != nil {
				return
			}
			if _, err := io.WriteString(server, answer(i)); err != nil {
				return
			}
		}
	}()
	return &conn{client, make([]byte, 1000)}, func() { client.Close(); server.Close() }
}

var ok = &shot{[]byte("x"), []byte("HTTP/1.1 200 "), []byte("body")}

const okAnswer = "HTTP/1.1 200 OK\r\n\r\nbody"

// TestLoadCompares: an unexpected response fails.
func TestLoadCompares(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		fails        bool
	}{
		{"the expected one", okAnswer, false},
		{"another header", "HTTP/1.1 200 OK\r\nDate: now\r\n\r\nbody", false},
		{"another status", "HTTP/1.1 500 OK\r\n\r\nbody", true},
		{"another body", "HTTP/1.1 200 OK\r\n\r\nbadly", true},
		{"a longer body", "HTTP/1.1 200 OK\r\n\r\nbody and more", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, hangUp := pipe(func(i int) string {
				if i == 7 {
					return tt.answer
				}
				return okAnswer
			})
			defer hangUp()
			if err := closedLoop(t.Context(), []*conn{c}, ok, 10); (err != nil) != tt.fails {
				t.Errorf("closed loop: %v", err)
			}
		})
	}
	gone, hangUp := pipe(func(int) string { return okAnswer })
	hangUp()
	if closedLoop(t.Context(), []*conn{gone}, ok, 1) == nil {
		t.Error("a connection that is gone: no error")
	}
	if _, err := openLoop(t.Context(), []*conn{gone}, []*shot{ok}, 1000, 1); err == nil {
		t.Error("a connection that is gone: no error of the open loop")
	}
}

// TestClosedLoopCounts: n requests are n, however many connections share them.
func TestClosedLoopCounts(t *testing.T) {
	for _, n := range []int{1, 7, 8, 9, 100} {
		counts := make([]int, 8)
		var conns []*conn
		for k := range counts {
			c, hangUp := pipe(func(i int) string { counts[k] = i + 1; return okAnswer })
			defer hangUp()
			conns = append(conns, c)
		}
		if err := closedLoop(t.Context(), conns, ok, n); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, count := range counts {
			total += count
		}
		if total != n {
			t.Errorf("%d requests, want %d", total, n)
		}
	}
}

// TestOpenLoopCharges: if a server stalls for 50 ms, all requests due meanwhile wait,
// and each counts from when it was due.
func TestOpenLoopCharges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, hangUp := pipe(func(i int) string {
			if i == 0 {
				time.Sleep(50 * time.Millisecond)
			}
			return okAnswer
		})
		defer hangUp()
		took, err := openLoop(t.Context(), []*conn{c}, []*shot{ok}, 1000, 100)
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range took {
			if want := time.Duration(max(0, i-49)) * time.Millisecond; d != want {
				t.Errorf("%d shortest of 100: %v, want %v", i, d, want)
			}
		}
		if p := percentile(took, 99); len(took) != 100 || p != 50*time.Millisecond {
			t.Errorf("p99 of %d is %v", len(took), p)
		}
	})
}

// TestRows: ratios are of the same round.
func TestRows(t *testing.T) {
	var s samples
	for i, base := range []float64{100, 10, 50, 20, 80} { // a machine that is now quick and now slow
		s.add(bare, "m", "requests", true, base)
		s.add("chi", "m", "requests", true, base*(0.5+float64(i)/10))
	}
	rows := s.rows([]Server{{Name: bare}, {Name: "chi"}})
	want := []Row{
		{"m", bare, 50, 20, 80, "requests", true, 1, 1, 1, []float64{100, 10, 50, 20, 80}},
		{"m", "chi", 35, 16, 50, "requests", true, 0.7, 0.6, 0.8, []float64{50, 6, 35, 16, 72}},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("got %+v, want %+v", rows, want)
	}
	r := &Result{Rows: rows}
	for to, want := range map[string]string{bare: "{Median:0.7 Low:0.6 High:0.8 N:5}", Fastest: "{Median:1 Low:1 High:1 N:5}", "none": "{Median:0 Low:0 High:0 N:0}"} {
		if _, got := r.Ratio("m", "requests", "chi", to); fmt.Sprintf("%+v", got) != want {
			t.Errorf("relative to %s: %+v, want %s", to, got, want)
		}
	}
}
