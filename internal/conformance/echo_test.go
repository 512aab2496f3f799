package conformance_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/pattern"
)

func (x *run) bodyLength(op) error {
	body, _ := bodyparser.From(x.r)
	value, err := body.Value()
	if err != nil {
		return err
	}
	text, _ := value.(string)
	return x.answer(json.RawMessage(fmt.Sprintf(`{"bodyType":%q,"length":%d}`, typeOf(value), len(utf16.Encode([]rune(text))))))
}

func (x *run) readRaw(op) error {
	raw, err := io.ReadAll(x.r.Body)
	if err != nil {
		return err
	}
	_, parsed := bodyparser.From(x.r)
	return x.answer(json.RawMessage(fmt.Sprintf(`{"bodyIsUndefined":%v,"rawBytes":%d,"rawBase64":%q}`,
		!parsed, len(raw), base64.StdEncoding.EncodeToString(raw))))
}

// echo responds with the requested properties of the request, in order.
func (x *run) echo(o op) error {
	var members []string
	add := func(name string, value any) {
		var text strings.Builder
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(value)
		members = append(members, strconv.Quote(name)+":"+strings.TrimSuffix(text.String(), "\n"))
	}
	body, parsed := bodyparser.From(x.r)
	var value any
	if parsed {
		var err error
		if value, err = body.Value(); err != nil {
			return err
		}
		parsed = !strings.HasPrefix(body.MediaType(), "multipart/") // which is left unread
	}
	for _, name := range arg[[]string](o, "pick") {
		switch name {
		case "method":
			add(name, x.r.Method)
		case "url":
			add(name, x.r.URL.RequestURI())
		case "query":
			add(name, flat(x.r.Pattern, pattern.Query(x.r)))
		case "cookies":
			add(name, cookies.All(x.r))
		case "bodyType":
			kind := "undefined"
			if parsed {
				kind = typeOf(value)
			}
			add(name, kind)
		case "body":
			if parsed {
				add(name, value)
			}
		default:
			panic(unknown("property " + name))
		}
	}
	return x.answer(json.RawMessage("{" + strings.Join(members, ",") + "}"))
}

// flat returns the query in the form of Next.js, where a single value is a string,
// unless it is the list of a catch-all.
func flat(route string, values url.Values) map[string]any {
	flat := map[string]any{}
	for name, list := range maps.All(values) {
		flat[name] = list
		if len(list) == 1 && !strings.Contains(route, "[..."+name+"]") {
			flat[name] = list[0]
		}
	}
	return flat
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}
