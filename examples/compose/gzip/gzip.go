// Package gzip compresses responses: gzhttp around the kit, with gzip or zstd, as the
// client accepts.
//
// Put gzhttp outside the kit's pieces: they count, limit and compute the ETag of the
// uncompressed response, and gzhttp compresses the result. Put it inside CORS and
// tracing. If a platform limits the compressed size, note that ResponseLimit counts
// the larger uncompressed one.
//
// What is not compressed or changed, and why:
//
//   - Responses below a kilobyte, which fit in one packet anyway, including
//     nearly all errors.
//   - Images, video and other types that are compressed already.
//   - Event streams. gzhttp would compress those too and flush after each event,
//     so they would be live, but it does not see that the kit has declared
//     no-transform, and needs a compressor per open connection.
//   - The ETag. It is that of the representation before compression, and the
//     same for all codings. So a 304 works whatever the client accepts, and
//     Vary keeps caches from mixing them up. Strictly, this violates the promise
//     of a strong ETag, the same bytes: only a client that assembles ranges of
//     a file would notice, and gzhttp removes ranges from what it compresses.
//     gzhttp.SuffixETag would keep the promise and lose the 304, because the
//     handler does not know the ETag that comes back.
//
// Other compressors: those of gorilla, chi, echo and gin-contrib pass on a flush, so
// streams are live. NYTimes/gziphandler and CAFxX/httpcompression do not: until they
// have enough bytes to decide, a flush does nothing, and an event stream arrives only
// at its end. Exclude event streams in their configuration; both decide at the first
// event:
//
//	gziphandler.GzipHandlerWithOpts(gziphandler.ContentTypes([]string{"text/html", "application/json"}))
//	httpcompression.DefaultAdapter(httpcompression.ContentTypes([]string{"text/event-stream"}, true))
//
// If you cannot change the configuration, set Content-Encoding to identity before the
// stream starts, and both pass it through; but then gorilla's and gin-contrib's break
// it. A stream.Stream that was flushed and has sent nothing is still held back until
// its first heartbeat.
//
// The compressed length leaks information about the content (BREACH). If a response
// has a secret and text that an attacker can choose, set the header
// gzhttp.HeaderNoCompression, which gzhttp removes.
package gzip

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// Compress compresses responses for clients that accept it.
func Compress() func(http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.ContentTypeFilter(worthIt))
	if err != nil {
		panic(err) // only for options out of range
	}
	return func(next http.Handler) http.Handler { return wrap(next) }
}

func worthIt(contentType string) bool {
	mediaType, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch mediaType = strings.TrimSpace(mediaType); {
	case mediaType == "text/event-stream":
		return false
	case strings.HasPrefix(mediaType, "image/"): // of which gzhttp knows JPEG only
		return mediaType == "image/svg+xml"
	}
	return gzhttp.DefaultContentTypeFilter(contentType)
}
