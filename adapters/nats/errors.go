package nats

import (
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnknown is in the error of an Append that timed out before the server had said
// whether the event is in the log. After any other error it is not.
var ErrUnknown = errors.New("the event may be in the log")

var (
	errReplaced  = errors.New("another log has taken the place of the one that the event was sent to")
	errEmpty     = errors.New("the log was lost, and the one that has begun is empty")
	errShort     = errors.New("the log lacks entries that were read, and a new one has to begin")
	errForked    = errors.New("the log has another entry where one was read, and a new one has to begin")
	errConnected = errors.New("there is a new connection")
	errHole      = errors.New("entries were lost on the way")
	errStale     = errors.New("the log has changed, and nothing was sent")
	// errNotALog says that another program has made the stream.
	errNotALog = errors.New("the stream is not a log of this package")
)

// mayPass reports whether an error is temporary: of the connection, or of servers that
// are being started, elected or moved.
func mayPass(err error) bool {
	for _, stays := range []error{
		nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrMaxPayload, nats.ErrHeadersNotSupported,
		errNotALog, errReplaced, errForked,
	} {
		if errors.Is(err, stays) {
			return false
		}
	}
	var answer *jetstream.APIError
	if errors.As(err, &answer) {
		return unavailable(answer) || errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound)
	}
	return true
}

// notTaken reports whether an error of a publication means that the server has not taken
// it, and will not.
func notTaken(err error) bool {
	for _, before := range []error{ // the client has not sent it
		nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrMaxPayload, nats.ErrHeadersNotSupported,
		nats.ErrReconnectBufExceeded,
	} {
		if errors.Is(err, before) {
			return true
		}
	}
	var answer *jetstream.APIError
	return errors.As(err, &answer) && !unavailable(answer)
}

// unavailable reports whether a reply says that a retry may succeed. It does not say that
// this attempt failed: a deposed leader may have handed the message on, and it may be on
// its way into the log.
func unavailable(answer *jetstream.APIError) bool {
	const duplicateInProcess, duplicateInBatch = 10158, 10201
	return answer.Code >= 500 || answer.ErrorCode == duplicateInProcess || answer.ErrorCode == duplicateInBatch
}
