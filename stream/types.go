package stream

import (
	"maps"
	"net/http"
	"reflect"
)

// Types returns a middleware that declares the types of the events that a handler sends,
// for generators such as package typescript: by the name of the event, a value of the
// type of its data, which is JSON. The name is empty for unnamed events. Requests are not
// touched.
//
//	routes["/api/feed"] = stream.Types(map[string]any{"post": Post{}})(feed.Handler("posts"))
//
// Generators know that a [Handler] and the handler of a hub send events, but not which:
// the data of an [Event] is text, made while the handler runs, and has no Go type. The
// gap event, which the handler of a hub sends by itself, is added to those that Types
// names; a handler that calls Serve has to name it.
//
// Types panics if a value is nil, which has no type.
func Types(events map[string]any) func(http.Handler) http.Handler {
	types := map[string]reflect.Type{}
	for name, v := range events {
		if types[name] = reflect.TypeOf(v); v == nil {
			panic("stream: Types: the value of the event " + name + " is nil")
		}
	}
	return func(next http.Handler) http.Handler {
		return &typed{next, types}
	}
}

type typed struct {
	http.Handler
	types map[string]reflect.Type
}

// Unwrap returns the handler that sends the events.
func (t *typed) Unwrap() http.Handler { return t.Handler }

// someEvents are those of a handler that does not know their types. The nil tells
// generators that there are others besides the named ones.
var someEvents = map[string]reflect.Type{"": nil}

// EventTypes returns the types of the data by the names of the events.
func (t *typed) EventTypes() map[string]reflect.Type { return maps.Clone(t.types) }
