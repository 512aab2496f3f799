package nats

// For the tests: what is read back must be what was written, and another process may
// have found that a new log has to begin.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
	Renew       = (*Backplane).renew
)
