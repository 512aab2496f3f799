// Package gzip compresses what is worth it: gzhttp around the kit, gzip or
// zstd by what the client accepts.
//
// gzhttp stands outside of the kit's pieces: they count, limit and tag the
// response as the handler writes it, and gzhttp compresses what comes out. It
// stands inside of CORS and of tracing. Where the size on the wire is what
// counts, as with ResponseLimit on a platform that cuts off, mind that the kit
// sees the larger number.
//
// What is left as it is, and why:
//
//   - Answers below a kilobyte, which fit in one packet anyway, and with them
//     nearly all errors.
//   - Images, video and whatever else is compressed already, by its type.
//   - Event streams. gzhttp would compress those too and flush after each event,
//     so they would be live, but it cannot tell that the kit has declared
//     no-transform, and pays with a compressor of its own per open connection.
//   - The ETag. It is that of the representation before compression, and the
//     same for all codings. So a 304 works whatever the client accepts, and
//     Vary keeps caches from mixing them up. A strong tag promises the same
//     bytes, and strictly that is broken: only a client that assembles parts of
//     a file would notice, and gzhttp takes ranges off what it compresses.
//     gzhttp.SuffixETag would keep the promise and lose the 304, because the
//     handler does not know the tag that comes back.
//
// Other compressors: those of gorilla, chi, echo and gin-contrib flush when they are
// flushed, so streams are live. NYTimes/gziphandler and CAFxX/httpcompression do
// not: until they have enough bytes to decide, a flush does nothing, and an event
// stream arrives when it ends. The way out is to leave event streams to others, which
// both decide by the first event:
//
//	gziphandler.GzipHandlerWithOpts(gziphandler.ContentTypes([]string{"text/html", "application/json"}))
//	httpcompression.DefaultAdapter(httpcompression.ContentTypes([]string{"text/event-stream"}, true))
//
// Where that is out of reach, a handler that sets Content-Encoding to identity
// before it begins a stream has both let it through; but gorilla's and gin-contrib's
// then break it. A stream.Stream that was flushed and has sent nothing is still
// held back: there its first heartbeat opens it.
//
// The length of what is compressed tells something of what is in it. An answer
// with a secret beside text that somebody else can choose sets the header
// gzhttp.HeaderNoCompression, which gzhttp takes off.
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
