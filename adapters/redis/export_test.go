package redis

// For the fuzz tests: what is read must equal what was written, and other data must not
// be read as an entry or event.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
	EncodeEntry = encodeEntry
	DecodeEntry = decodeEntry
)
