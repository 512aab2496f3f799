package cache

// A reason is why a response was not stored, or why a request bypassed the cache. It is
// the detail parameter of Cache-Status (RFC 9211, section 2.8), and part of a
// [RevalidateError].
type reason int

const (
	kept reason = iota

	// Of the request, which bypasses the cache.
	byMethod
	byBody
	byUpgrade
	byPrecondition
	byRange
	byRequest
	byHead
	byPassing
	byVariants
	byRounds

	// Of the response, by its header.
	sayNoStore
	sayPrivate
	sayNoCache
	setCookie
	varyAll
	hasTrailers
	isStream
	hasCredentials
	tooLarge
	serverError
	otherStatus
	noLifetime

	// Of the response, while it was written.
	tookOver
	incomplete
	failedHalfway
	tookTooLong
	outlived
	invalidated
	tooManyVariants
	noRoute
	storeFailed
	generationsFailed

	numReasons
)

// reasons is the one table of why something was not stored. A reason that drops says that
// the response may not be shared: the response stored before is removed with it. All
// other reasons leave it in place.
var reasons = [numReasons]struct {
	token string // detail= of Cache-Status
	text  string // Reason of RevalidateError
	drops bool
}{
	kept: {"", "", false},

	byMethod:       {"method", "the method is not GET", false},
	byBody:         {"request-body", "the request has a body", false},
	byUpgrade:      {"upgrade", "the request has an Upgrade field", false},
	byPrecondition: {"precondition", "the request has If-Match or If-Unmodified-Since", false},
	byRange:        {"range", "the request has a Range, and nothing is stored", false},
	byRequest:      {"request-no-store", "the request has Cache-Control: no-store", false},
	byHead:         {"head", "the request is a HEAD, and nothing is stored", false},
	byPassing:      {"passing", "the last responses were not stored, several times in a row", false},
	byVariants:     {"key-too-long", "the cache key is too long", false},
	byRounds:       {"contended", "the responses that the request waited for were not for it", false},

	sayNoStore:     {"no-store", "the response has Cache-Control: no-store", true},
	sayPrivate:     {"private", "the response has Cache-Control: private", true},
	sayNoCache:     {"no-cache", "the response has Cache-Control: no-cache", true},
	setCookie:      {"set-cookie", "the response has Set-Cookie", true},
	varyAll:        {"vary", "the response has Vary: *, or more fields than are supported", false},
	hasTrailers:    {"trailers", "the response has trailers", false},
	isStream:       {"stream", "the response is a stream", false},
	hasCredentials: {"credentials", "the request has credentials, and the response is not public", true},
	tooLarge:       {"too-large", "the body exceeds BodyLimit", false},
	serverError:    {"status", "the response is a server error", false},
	otherStatus:    {"status", "responses with this status are not stored", false},
	noLifetime:     {"no-lifetime", "the response has no freshness lifetime", false},

	tookOver:          {"hijacked", "the connection was hijacked", false},
	incomplete:        {"incomplete", "the response is incomplete", false},
	failedHalfway:     {"failed", "the handler failed after the response had begun", false},
	tookTooLong:       {"timeout", "the handler exceeded FillTimeout", false},
	outlived:          {"abandoned", "the handler used values of a request that was over", false},
	invalidated:       {"invalidated", "a tag of the response was invalidated while the handler ran", false},
	tooManyVariants:   {"variants", "the response varies with too many fields", false},
	noRoute:           {"no-route", "no route matches", false},
	storeFailed:       {"store", "the store failed", false},
	generationsFailed: {"generations", "the generations failed", false},
}

func (r reason) String() string { return reasons[r].text }

// detail returns the parameter for the end of a Cache-Status.
func (r reason) detail() string { return "; detail=" + reasons[r].token }

// drops reports whether a response with the status and this reason removes the stored
// one: the page has become private. An error with no-store does not.
func (r reason) drops(status int) bool {
	return reasons[r].drops && (status >= 200 && status < 300 || storable(status))
}
