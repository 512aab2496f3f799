package stream

import (
	"maps"
	"net/http"
	"reflect"
)

// Types returns the middleware that tells generators, such as package typescript,
// the types of the events that a handler sends: a value of the type of the data,
// which is JSON, by the name of the event. The name is empty for events without
// one. Requests are not touched.
//
//	routes["/api/feed"] = stream.Types(map[string]any{"post": Post{}})(feed.Handler("posts"))
//
// A [Handler] and that of a hub tell by themselves that they send events, but not
// which: the data of an [Event] is a text, made while the handler runs, and Go has no
// type for what is in it. The gap event, which the handler of a hub sends of its own
// accord, is added to what Types names; a handler that calls Serve has to name it.
//
// It panics if a value is nil, which has no type.
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

// someEvents are those of a handler that does not know their types. The nil says
// to generators that there are others than those that are named.
var someEvents = map[string]reflect.Type{"": nil}

// EventTypes returns the types of the data by the names of the events.
func (t *typed) EventTypes() map[string]reflect.Type { return maps.Clone(t.types) }
