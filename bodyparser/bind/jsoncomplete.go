package bind

import (
	"encoding/json"
	"reflect"

	"github.com/apiece/apiece/internal/fields"
)

// complete returns the text with the defaults of missing members, and with
// formatted values as encoding/json reads them. t is the type of a pointer to
// the value.
func (c *codec) complete(text []byte, t reflect.Type) []byte {
	w := completer{codec: c, cursor: cursor{text: string(text)}}
	w.value(t.Elem(), "")
	return append(w.out, w.text[w.done:]...)
}

type completer struct {
	*codec
	cursor
	out  []byte
	done int // the text up to here is in out
}

// replace replaces the text from start up to the cursor.
func (w *completer) replace(start int, text string) {
	w.out = append(append(w.out, w.text[w.done:start]...), text...)
	w.done = w.pos
}

func (w *completer) value(t reflect.Type, format string) {
	pointer := t.Kind() == reflect.Pointer || isOptional(t)
	t = fields.Deref(t)
	o := w.objects[t]
	first := w.next()
	switch {
	case o != nil && first == '{':
		w.object(o)
	case first == '[' && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && !isText(t) && !isJSON(t):
		for w.pos++; !w.accept(']') && w.pos < len(w.text); w.accept(',') {
			w.value(t.Elem(), format)
		}
	case first == '{' && t.Kind() == reflect.Map && !isText(t) && !isJSON(t):
		for w.pos++; !w.accept('}') && w.pos < len(w.text); w.accept(',') {
			w.name()
			w.value(t.Elem(), format)
		}
	default:
		start := w.pos
		raw := w.cursor.value()
		text := raw
		if o != nil && raw == "null" && !pointer {
			text = "{" + string(w.absent(nil, o, nil, false)) + "}"
		} else if format != "" && raw != "" {
			text = translate(raw, t, format)
		}
		if text != raw {
			w.replace(start, text)
		}
	}
}

func (w *completer) object(o *object) {
	given := make([]bool, len(o.members))
	some := false
	for w.pos++; !w.accept('}') && w.pos < len(w.text); w.accept(',') {
		some = true
		i, ok := o.names.find(w.name())
		if !ok {
			w.cursor.value()
			continue
		}
		given[i] = true
		w.next()
		start, t := w.pos, o.members[i].Field.Type
		w.value(t, o.formats[i])
		if o.defaults[i] != "" && !isOptional(t) && w.text[start:w.pos] == "null" {
			w.replace(start, o.defaults[i])
		}
	}
	w.pos--
	w.out = append(w.out, w.text[w.done:w.pos]...)
	w.done = w.pos
	w.out = w.absent(w.out, o, given, some)
	w.pos++
}

// absent appends the missing members that have a default, or that are structs
// with such members. some reports that a member precedes.
func (c *codec) absent(out []byte, o *object, given []bool, some bool) []byte {
	for i, m := range o.members {
		if given != nil && given[i] {
			continue
		}
		text := o.defaults[i]
		if inner := c.objects[m.Field.Type]; text == "" && inner != nil {
			if all := c.absent(nil, inner, nil, false); all != nil {
				text = "{" + string(all) + "}"
			}
		}
		if text == "" {
			continue
		}
		if some {
			out = append(out, ',')
		}
		some = true
		name, _ := json.Marshal(m.Name)
		out = append(append(append(out, name...), ':'), text...)
	}
	return out
}
