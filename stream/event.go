package stream

import "time"

// An Event is one server-sent event. The zero value of a field means that it is not set,
// and the zero Event writes nothing.
//
// So an Event cannot express two things. To write an unnamed event without data, name it
// "message", as clients call unnamed events anyway. An empty id, with which a server
// makes clients forget the last one, cannot be sent.
type Event struct {
	// ID is what the client sends back as Last-Event-ID when it reconnects. CR, LF, NUL
	// and surrounding whitespace, which would not come back, are refused. Keep it under
	// 128 plain bytes: a longer one forces a CORS preflight on cross-origin clients.
	ID string
	// Name is the type of the event, for addEventListener in the client; "" is "message".
	// CR and LF are refused. A named event without data is written with an empty data
	// line, because clients drop events without data.
	Name string
	// Data may hold anything. CR, LF and CRLF all arrive as LF.
	Data string
	// Retry tells the client how long to wait before it reconnects. It is rounded up to
	// milliseconds; a negative value is refused.
	Retry time.Duration
	// Comment is ignored by clients. It is written before the other fields.
	Comment string
}
