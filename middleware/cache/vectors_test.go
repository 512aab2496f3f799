package cache_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/reply"
)

// A vector is a call of res.revalidate that was recorded on a running Next.js.
type vector struct {
	ID      string
	Kind    string
	Handler []struct {
		Op, Path string
		Arg      string
		Opts     options
	}
	Input struct {
		URLPath      string
		Opts         options
		FakeUpstream struct {
			Status int
			Throw  string
		}
	}
	Request  struct{ Method, Path string }
	Expected struct {
		Status        int
		Headers       map[string]string
		AbsentHeaders []string
		Body          string
		UpstreamCalls []any
		Result        struct{ OK bool }
	}
}

type options struct {
	OnlyGenerated bool `json:"unstable_onlyGenerated"`
}

func revalidate(r *http.Request, c *cache.Cache, path string, o options) error {
	if o.OnlyGenerated {
		return c.RevalidateCached(r.Context(), path)
	}
	return c.Revalidate(r.Context(), path)
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func TestVectors(t *testing.T) {
	var file struct{ Cases []vector }
	readJSON(t, "api-behaviour.json", &file)
	var deviations map[string][]struct {
		ID, Kind string
		Fields   []string
	}
	readJSON(t, "deviations.json", &deviations)
	fields, whole := map[string][]string{}, map[string]string{}
	for _, d := range deviations["api-behaviour.json"] {
		if len(d.Fields) > 0 {
			fields[d.ID] = d.Fields
		} else {
			whole[d.ID] = d.Kind
		}
	}
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	counts := map[string]int{}
	for _, v := range file.Cases {
		play := playHTTP
		if v.Kind == "revalidate-protocol" {
			play = playProtocol
		}
		switch whole[v.ID] {
		case "no-counterpart":
			counts["no counterpart"]++
		case "contradicts":
			counts["contradicted"]++
			if problems := play(t, v, nil); len(problems) == 0 {
				t.Errorf("%s: passes as recorded: the deviation is stale", v.ID)
			}
		default:
			counts["as recorded"]++
			for _, problem := range play(t, v, fields[v.ID]) {
				t.Errorf("%s: %s", v.ID, problem)
			}
		}
		delete(fields, v.ID)
		delete(whole, v.ID)
	}
	if len(fields)+len(whole) > 0 {
		t.Errorf("deviations of no vector: %v %v", fields, whole)
	}
	t.Log(counts)
}

// playHTTP runs the recorded handler beside the pages it revalidates.
func playHTTP(t *testing.T, v vector, except []string) (problems []string) {
	mux := http.NewServeMux()
	c := cache.New(cache.Config{Policy: cache.Policy{TTL: time.Hour}, Origin: mux})
	mux.Handle("/isr/{id}", c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page ", r.PathValue("id")) })))
	mux.Handle("/api/run", c.Middleware(reply.Handler(func(w http.ResponseWriter, r *http.Request) error {
		for _, op := range v.Handler {
			switch op.Op {
			case "revalidate":
				if err := revalidate(r, c, op.Path, op.Opts); err != nil {
					return err
				}
			case "revalidateTry":
				if r.URL.Path == op.Arg && r.RemoteAddr == "" {
					break // the run that it asks for
				}
				if err := revalidate(r, c, op.Arg, op.Opts); err != nil {
					return reply.JSON(w, r, 200, map[string]string{"error": err.Error()})
				}
			default:
				t.Fatalf("%s: unknown op %q", v.ID, op.Op)
			}
		}
		return reply.JSON(w, r, 200, map[string]bool{"revalidated": true})
	}, reply.PlainError)))

	resp := testkit.HTTP1.Do(t, mux, httptest.NewRequest(v.Request.Method, v.Request.Path, nil))
	body := testkit.Body(t, resp)
	if resp.StatusCode != v.Expected.Status {
		problems = append(problems, "status "+resp.Status)
	}
	var got, want map[string]any
	if json.Unmarshal([]byte(v.Expected.Body), &want) != nil {
		if body != v.Expected.Body {
			problems = append(problems, "body "+body)
		}
	} else if err := json.Unmarshal([]byte(body), &got); err != nil || len(got) != 1 || (got["error"] == nil) != (want["error"] == nil) || got["error"] == nil && !reflect.DeepEqual(got, want) {
		problems = append(problems, "body "+body) // of an error: that there is one
	}
	for name, value := range v.Expected.Headers {
		if want["error"] != nil && (name == "etag" || name == "content-length") {
			continue // of Next's text
		}
		if resp.Header.Get(name) != value {
			problems = append(problems, name+": "+resp.Header.Get(name))
		}
	}
	for _, name := range v.Expected.AbsentHeaders {
		if resp.Header.Get(name) != "" && !slices.Contains(except, "absentHeaders."+name) {
			problems = append(problems, name+": "+resp.Header.Get(name))
		}
	}
	return problems
}

// playProtocol has a page answer what the recorded upstream did. In process
// there are no upstream calls to be recorded.
func playProtocol(t *testing.T, v vector, _ []string) (problems []string) {
	mux := http.NewServeMux()
	var log testkit.Log
	c := cache.New(cache.Config{Policy: cache.Policy{TTL: time.Hour}, Origin: mux, Logger: log.Logger()})
	mux.Handle("/p", c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v.Input.FakeUpstream.Throw != "" {
			panic(errors.New(v.Input.FakeUpstream.Throw))
		}
		w.WriteHeader(v.Input.FakeUpstream.Status)
	})))
	err := revalidate(httptest.NewRequest("POST", "/", nil), c, v.Input.URLPath, v.Input.Opts)
	if (err == nil) != v.Expected.Result.OK {
		problems = append(problems, fmt.Sprint("result: ", err))
	}
	if n := len(v.Expected.UpstreamCalls); n != 0 {
		problems = append(problems, fmt.Sprintf("%d calls to the upstream, and none of ours", n))
	}
	return problems
}
