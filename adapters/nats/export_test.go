package nats

// For the tests: what is read back must be what was written, and a log may begin
// anew because of what another process has found.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
	Renew       = (*Backplane).renew
)
