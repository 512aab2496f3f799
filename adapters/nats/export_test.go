package nats

// For the tests: what is read must equal what was written, and another process may have
// found that a new log has to begin.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
	Renew       = (*Backplane).renew
)
