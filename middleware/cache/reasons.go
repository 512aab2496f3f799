package cache

import "strconv"

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
	versionsFailed

	numReasons
)

// reasons is the one table of why something was not stored. A reason that drops says that
// the response may not be shared: the response stored before is removed with it. All
// other reasons leave it in place.
var reasons = [numReasons]struct {
	token string // detail= of Cache-Status
	text  string // of RevalidateError, after "its response was not stored: "
	drops bool
}{
	kept: {"", "", false},

	byMethod:       {"method", "its method is not GET", false},
	byBody:         {"request-body", "the request has a body", false},
	byUpgrade:      {"upgrade", "the request is to switch protocols", false},
	byPrecondition: {"precondition", "the request has If-Match or If-Unmodified-Since", false},
	byRange:        {"range", "the request is for a part, of what is not stored", false},
	byRequest:      {"request-no-store", "the request says no-store", false},
	byHead:         {"head", "the request is for the header, of what is not stored", false},
	byPassing:      {"passing", "a short while ago it was not for others, several times in a row", false},
	byVariants:     {"key-too-long", "what tells the request from others is too long", false},
	byRounds:       {"contended", "what it waited for was for others, again and again", false},

	sayNoStore:     {"no-store", "Cache-Control says no-store", true},
	sayPrivate:     {"private", "Cache-Control says private", true},
	sayNoCache:     {"no-cache", "Cache-Control says no-cache", true},
	setCookie:      {"set-cookie", "it sets a cookie", true},
	varyAll:        {"vary", "it varies with more than a cache can know", false},
	hasTrailers:    {"trailers", "it has trailers", false},
	isStream:       {"stream", "it is a stream", false},
	hasCredentials: {"credentials", "it is for one client", true},
	tooLarge:       {"too-large", "it is too large", false},
	serverError:    {"status", "its status is that of an error of the server", false},
	otherStatus:    {"status", "its status is not one that is stored", false},
	noLifetime:     {"no-lifetime", "it has no lifetime", false},

	tookOver:        {"hijacked", "the connection was taken over", false},
	incomplete:      {"incomplete", "it is not as long as declared", false},
	failedHalfway:   {"failed", "its handler failed half-way", false},
	tookTooLong:     {"timeout", "its handler took too long", false},
	outlived:        {"abandoned", "its handler outlived the request whose values it used", false},
	invalidated:     {"invalidated", "something it was made of was invalidated meanwhile", false},
	tooManyVariants: {"variants", "its URL varies with too much", false},
	noRoute:         {"no-route", "no route matches", false},
	storeFailed:     {"store", "the store failed", false},
	versionsFailed:  {"generations", "the generations failed", false},
}

func (r reason) String() string { return reasons[r].text }

// of returns the text with the status.
func (r reason) of(status int) string {
	if r == serverError || r == otherStatus {
		return "its status is " + strconv.Itoa(status)
	}
	return reasons[r].text
}

// drops reports whether a response with the status and this reason removes the stored
// one: the page has become private. An error with no-store does not.
func (r reason) drops(status int) bool {
	return reasons[r].drops && (status >= 200 && status < 300 || storable(status))
}
