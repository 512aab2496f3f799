package redis

// For the fuzz tests: what is read back must be what was written, and what was
// not written here must not be read as something else.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
	EncodeEntry = encodeEntry
	DecodeEntry = decodeEntry
)
