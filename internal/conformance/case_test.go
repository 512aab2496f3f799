package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A behavior is one case. Its portability is core if a port has to match it, decide if
// it may choose, and runtime if the recording is an accident of JavaScript or Node.
//
// No field of a case is ignored without being named here: reading fails for unknown
// fields.
type behavior struct {
	ID, Kind, Group, Level, Portability, Source string

	Mode       string // production, development
	Config     config
	RouteTable string
	Handler    []op
	Request    request

	Input    json.RawMessage // instead of the above, for a case that is not a request
	Expected json.RawMessage

	outside func(http.Handler) http.Handler // around the whole service
}

// UnmarshalJSON rejects unknown fields.
func (b *behavior) UnmarshalJSON(text []byte) error {
	type plain behavior
	return strict(text, (*plain)(b))
}

func strict(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// A config is what the module of the handler exports, and the settings of
// next.config.js.
type config struct {
	API                 json.RawMessage
	TrailingSlash       bool
	RouteHandlerExports []string
	Returns             string
}

type request struct {
	Method, Path string // the path as it is sent
	Headers      map[string]any
	Body         *string
	BodyBase64   []byte
	BodyRepeat   struct {
		Unit  string
		Count int
	}
	Chunked bool
}

// body returns the body of the request, and whether it has one.
func (r request) body() ([]byte, bool) {
	switch {
	case r.Body != nil:
		return []byte(*r.Body), true
	case r.BodyBase64 != nil:
		return r.BodyBase64, true
	case r.BodyRepeat.Count > 0:
		return []byte(strings.Repeat(r.BodyRepeat.Unit, r.BodyRepeat.Count)), true
	}
	return nil, false
}

// header returns the fields of the request in a fixed order. The placeholder of the
// draft cookie is replaced by one of ours.
func (r request) header(draft string) (fields [][2]string) {
	for name, value := range r.Headers {
		values, several := value.([]any)
		if !several {
			values = []any{value}
		}
		for _, v := range values {
			fields = append(fields, [2]string{name, strings.ReplaceAll(fmt.Sprint(v), "$PREVIEW_ID", draft)})
		}
	}
	slices.SortStableFunc(fields, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return fields
}

// expected is the recorded response.
type expected struct {
	Status             int
	Route              string // the entry of the table whose handler ran
	Headers            map[string]string
	AbsentHeaders      []string
	Body               *string
	BodyJSON           json.RawMessage
	BodyLength         int // and the checksum, instead of a large body
	BodySHA256         string
	Warnings           []string // the number counts
	ErrorLogged        bool
	SetCookie          []string
	FrameworkErrorPage bool // no handler sent the body

	Reason, Note string // of HTTP/1.1, which net/http does not send; for readers

	// Only for ours.
	Cut     bool // the connection ends before the response does
	Refused bool // the compiler rejects the handler
}

// An instead is the part of an outcome that differs from the recording. Expected is
// merged into the recorded one; null removes a member. The decision is for cases that
// are not core: for the others the deviations have it.
type instead struct {
	ID       string
	Decision int
	Why      string
	Expected map[string]any
}

// over returns the recording with the changes merged in, and the names of the changed
// parts, in the form of the deviations.
func (i *instead) over(recorded json.RawMessage) (changed json.RawMessage, fields []string, err error) {
	if i == nil {
		return recorded, nil, nil
	}
	var want map[string]any
	if err := json.Unmarshal(recorded, &want); err != nil {
		return nil, nil, err
	}
	for part, value := range i.Expected {
		if part != "headers" {
			if same(want[part], value) {
				return nil, nil, fmt.Errorf("%s of testdata/instead.json is as recorded", part)
			}
			fields = append(fields, part)
			set(want, part, value)
			continue
		}
		headers, _ := want["headers"].(map[string]any)
		if headers == nil {
			headers = map[string]any{}
		}
		absent, _ := want["absentHeaders"].([]any)
		for name, value := range value.(map[string]any) {
			field := "headers." + name
			if n := slices.Index(absent, any(name)); n >= 0 {
				absent, field = slices.Delete(slices.Clone(absent), n, n+1), "absentHeaders."+name
			} else if value == headers[name] {
				return nil, nil, fmt.Errorf("%s of testdata/instead.json is as recorded", field)
			}
			fields = append(fields, field)
			set(headers, name, value)
			if value == nil {
				absent = append(absent, name)
			}
		}
		want["headers"], want["absentHeaders"] = headers, absent
	}
	// The same body in other forms.
	if _, ok := i.Expected["body"]; ok {
		for _, form := range []string{"bodyJson", "bodyLength", "bodySha256"} {
			delete(want, form)
		}
	}
	slices.Sort(fields)
	changed, err = json.Marshal(want)
	return changed, fields, err
}

func set(object map[string]any, member string, value any) {
	if value == nil {
		delete(object, member)
	} else {
		object[member] = value
	}
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
