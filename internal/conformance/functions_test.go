package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/reply"
)

// functions are recordings of calls to a function of Next.js rather than of requests:
// each calls ours with the input of the case and returns the result to compare with the
// recording.
var functions = map[string]func(input json.RawMessage) (map[string]any, error){
	"etag":                etag,
	"bytes-parse":         bytesParse,
	"bytes-format":        bytesFormat,
	"revalidate-protocol": revalidateProtocol,
}

// compareValues compares the result of a function part by part.
func compareValues(want, got map[string]any) (d differences) {
	for part := range got {
		if _, ok := want[part]; !ok {
			d.add(part, "%v, want none", got[part])
		}
	}
	for part, value := range want {
		if result, ok := value.(map[string]any); ok && result["error"] != nil {
			value = map[string]any{"ok": result["ok"], "error": "text"} // that there is one
		}
		if !same(value, got[part]) {
			d.add(part, "%v, want %v", got[part], value)
		}
	}
	return d
}

// etag has no function of its own: the tag is that of a text that is sent. Next.js can
// weaken it; ours are strong, and match in their weak form.
func etag(input json.RawMessage) (map[string]any, error) {
	var in struct {
		Text, Unit string
		Count      int
	}
	if err := strict(input, &in); err != nil {
		return nil, err
	}
	text := in.Text + strings.Repeat(in.Unit, in.Count)
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	if err := reply.Send(w, r, http.StatusOK, text); err != nil {
		return nil, err
	}
	tag := w.Header().Get("ETag")
	r.Header.Set("If-None-Match", "W/"+tag)
	w = httptest.NewRecorder()
	if err := reply.Send(w, r, http.StatusOK, text); err != nil || w.Code != http.StatusNotModified {
		return nil, fmt.Errorf("%d, %v for the weak form of the tag", w.Code, err)
	}
	return map[string]any{"etag": tag, "weak": "W/" + tag}, nil
}

func bytesParse(input json.RawMessage) (map[string]any, error) {
	var in struct{ Text string }
	if err := strict(input, &in); err != nil {
		return nil, err
	}
	size, err := bytesize.Parse(in.Text)
	if err != nil {
		return map[string]any{"error": true}, nil
	}
	return map[string]any{"bytes": int64(size)}, nil
}

func bytesFormat(input json.RawMessage) (map[string]any, error) {
	var in struct{ Bytes int64 }
	if err := strict(input, &in); err != nil {
		return nil, err
	}
	return map[string]any{"text": bytesize.Size(in.Bytes).String()}, nil
}

// revalidateProtocol revalidates a page that responds as the recorded upstream did. The
// page runs in process, so the call to the upstream is the request that it receives.
func revalidateProtocol(input json.RawMessage) (map[string]any, error) {
	var in struct {
		TrustHostHeader             bool
		AllowedRevalidateHeaderKeys []string
		IncomingHost                string
		IncomingHeaders             map[string]string
		PreviewModeID               string
		URLPath                     string
		Opts                        struct {
			OnlyGenerated bool `json:"unstable_onlyGenerated"`
		}
		FakeUpstream struct {
			Status int
			Throw  string
		}
	}
	if err := strict(input, &in); err != nil {
		return nil, err
	}
	calls := []any{}
	mux := http.NewServeMux()
	c := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Origin: mux, Logger: new(testkit.Log).Logger()})
	mux.Handle("/p", c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers := map[string]any{}
		for name := range r.Header {
			headers[name] = r.Header.Get(name)
		}
		calls = append(calls, map[string]any{"url": r.Host + r.URL.RequestURI(), "method": r.Method, "headers": headers})
		if in.FakeUpstream.Throw != "" {
			panic(errors.New(in.FakeUpstream.Throw))
		}
		w.WriteHeader(in.FakeUpstream.Status)
	})))
	result := map[string]any{}
	mux.HandleFunc("/api/run", func(w http.ResponseWriter, r *http.Request) {
		revalidate := c.Revalidate
		if in.Opts.OnlyGenerated {
			revalidate = c.RevalidateCached
		}
		err := revalidate(r.Context(), in.URLPath)
		if result["ok"] = err == nil; err != nil {
			result["error"] = "text"
		}
	})
	r := httptest.NewRequest("GET", "/api/run", nil)
	r.Host = in.IncomingHost
	for name, value := range in.IncomingHeaders {
		r.Header.Set(name, value)
	}
	mux.ServeHTTP(httptest.NewRecorder(), r)
	return map[string]any{"upstreamCalls": calls, "result": result}, nil
}
