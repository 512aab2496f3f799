package stream_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
)

// The vectors hold what a conforming client parses from a stream, and the exact bytes of
// events; each was confirmed with Chromium.
type (
	encodeVector struct {
		Event struct {
			ID, Event, Data, Comment *string
			DataB64                  *string `json:"data_b64"`
			RetryUS                  *int64  `json:"retry_us"`
		}
		Want     *string
		WantB64  *string  `json:"want_b64"`
		ParsesTo parsesTo `json:"parses_to"`
		Error    string
	}
	parseVector struct {
		Chunks [][]byte
		parsesTo
		Comments []string
	}
	parsesTo struct {
		Events []struct {
			Type, Data  string
			LastEventID string `json:"last_event_id"`
		}
		RetryMS          *int64 `json:"retry_ms"`
		FinalLastEventID string `json:"final_last_event_id"`
	}
)

func (v *encodeVector) event(t *testing.T) stream.Event {
	str := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	e := stream.Event{
		ID: str(v.Event.ID), Name: str(v.Event.Event),
		Data: str(v.Event.Data), Comment: str(v.Event.Comment),
	}
	if v.Event.DataB64 != nil {
		e.Data = string(decode(t, *v.Event.DataB64))
	}
	if v.Event.RetryUS != nil {
		e.Retry = time.Duration(*v.Event.RetryUS) * time.Microsecond
	}
	return e
}

func decode(t *testing.T, b64 string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEventEncodeVectors(t *testing.T) {
	// The results of the excepted vectors: bytes, or an error in this field.
	instead := map[string]struct{ want, errorIn, why string }{
		"comment-only":     {": ping\n", "", "it stands in front of the next event"},
		"comment-cr":       {": a\n: data: evil\n", "", "it stands in front of the next event"},
		"retry-only":       {"retry: 1000\n", "", "it stands in front of the next event"},
		"comment-empty":    {"", "", "an empty comment is no comment"},
		"data-empty":       {"", "", "the zero Event writes nothing"},
		"id-empty-resets":  {"data: x\n\n", "", "an empty id is no id"},
		"id-leading-space": {"", "id", "it would come back trimmed"},
		"event-only":       {"event: ping\ndata: \n\n", "", "clients drop events without data"},
		"retry-zero":       {"data: x\n\n", "", "zero is no delay given"},
	}
	for _, vector := range testkit.Vectors[encodeVector](t, "sse-encode.json") {
		v := &vector.Case
		deviation := vector.Excepts("")
		if deviation == nil {
			deviation = vector.Excepts("want")
		}
		vector.Run(t, func(t *testing.T) {
			want, errorIn := "", ""
			switch {
			case v.Want != nil:
				want = *v.Want
			case v.WantB64 != nil:
				want = string(decode(t, *v.WantB64))
			default:
				errorIn, _, _ = strings.Cut(v.Error, "_")
			}
			if deviation != nil {
				i, ok := instead[vector.ID]
				if !ok {
					t.Fatalf("an exception without an expectation of our own: %s", deviation.Why)
				}
				if deviation.Kind == "contradicts" && i.want == want && i.errorIn == errorIn {
					t.Fatal("stale: the vector holds as it is")
				}
				want, errorIn = i.want, i.errorIn
			}
			got, err := stream.Encode(v.event(t))
			prefix := []byte("before")
			appended, err2 := v.event(t).AppendTo(prefix)
			if errorIn != "" {
				var e *stream.EventError
				if !errors.As(err, &e) || e.Field != errorIn || err2 == nil {
					t.Fatalf("errors %v and %v, want an EventError in %s", err, err2, errorIn)
				}
				if len(got) != 0 || string(appended) != "before" {
					t.Errorf("bytes beside an error: %q and %q", got, appended)
				}
				return
			}
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if string(got) != want {
				t.Errorf("Encode = %q, want %q", got, want)
			}
			if string(appended) != "before"+want {
				t.Errorf("AppendTo = %q, want it behind what was there", appended)
			}
			if deviation == nil {
				v.ParsesTo.compare(t, bytes.NewReader(got), nil)
			}
		})
	}
}

func TestReaderParseVectors(t *testing.T) {
	for _, vector := range testkit.Vectors[parseVector](t, "sse-parse.json") {
		vector.Run(t, func(t *testing.T) {
			v := &vector.Case
			whole := bytes.Join(v.Chunks, nil)
			v.compare(t, &chunks{v.Chunks}, v.Comments)
			v.compare(t, bytes.NewReader(whole), v.Comments)
			v.compare(t, iotest.OneByteReader(bytes.NewReader(whole)), v.Comments)
			v.compare(t, iotest.DataErrReader(bytes.NewReader(whole)), v.Comments)
		})
	}
}

// chunks is a reader that returns one chunk a call.
type chunks struct{ left [][]byte }

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.left[0])
	if c.left[0] = c.left[0][n:]; len(c.left[0]) == 0 {
		c.left = c.left[1:]
	}
	return n, nil
}

func (want *parsesTo) compare(t *testing.T, src io.Reader, comments []string) {
	t.Helper()
	r := stream.NewReader(src)
	var gotComments []string
	r.OnComment = func(text string) { gotComments = append(gotComments, text) }
	i := 0
	for got, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if i >= len(want.Events) {
			t.Fatalf("an event too many: %+v", got)
		}
		name := got.Name
		if name == "" {
			name = "message"
		}
		if w := want.Events[i]; name != w.Type || got.Data != w.Data || got.ID != w.LastEventID {
			t.Errorf("event %d is %+v, want %+v", i, got, w)
		}
		i++
	}
	if i != len(want.Events) {
		t.Errorf("%d events, want %d", i, len(want.Events))
	}
	var retry time.Duration
	if want.RetryMS != nil {
		retry = time.Duration(*want.RetryMS) * time.Millisecond
	}
	if r.Retry() != retry {
		t.Errorf("retry is %v, want %v", r.Retry(), retry)
	}
	if r.LastEventID() != want.FinalLastEventID {
		t.Errorf("the last event id is %q, want %q", r.LastEventID(), want.FinalLastEventID)
	}
	if comments != nil {
		var want []string
		for _, text := range comments {
			want = append(want, strings.TrimPrefix(text, " ")) // as OnComment does
		}
		if !slices.Equal(gotComments, want) {
			t.Errorf("comments %q, want %q", gotComments, want)
		}
	}
}
