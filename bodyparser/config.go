package bodyparser

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/apiece/apiece/bytesize"
)

// The defaults of the zero Config.
const (
	defaultLimit       = int64(bytesize.MB)
	defaultReadTimeout = 30 * time.Second
	defaultDepth       = 512
	leastValues        = 10_000
	defaultPairs       = 1000
)

// Config says how bodies are read. The zero Config is what Next.js does by
// default, with the bounds that a server facing strangers needs. A Config is
// frozen when it is handed over: [New] keeps a copy.
type Config struct {
	// Limit is the largest body accepted, in bytes; exactly that many pass. A
	// larger one is answered with 413, before it is read if its length was
	// declared. With Inflate, the bound holds for the bytes received and again
	// for the bytes inflated. 0 is 1 MB, negative is no limit; a limit of zero
	// bytes cannot be said.
	//
	// Next.js: bodyParser.sizeLimit.
	Limit bytesize.Size `json:"sizeLimit,omitzero"`

	// Raw leaves the body unread, for handlers that read r.Body themselves. No
	// limit applies then, unless Limit is set: a declared length beyond it is
	// answered with 413, and reading beyond it fails with
	// *http.MaxBytesError. Multipart bodies are always left so, for package
	// upload to stream.
	//
	// Next.js: bodyParser: false.
	Raw bool `json:"raw,omitzero"`

	// ReadTimeout bounds the time that reading the body may take; a slower
	// client is answered with 408. It needs a server whose writer has read
	// deadlines, as those of net/http have; with others it does nothing. 0 is
	// 30 seconds, negative is no bound. It has no counterpart in Next.js.
	//
	// A function that is given no writer, as bind.Body is, finds that of a
	// [New], a reply.HandlerFunc, a middleware.Timeout or a middleware.Config with
	// OnError or Logger around it. Without any of them the time has no bound, which
	// one record at level Warn says.
	ReadTimeout time.Duration `json:"-"`

	// JSONTypes are further media types whose bodies are JSON, besides
	// application/json, application/ld+json and any that ends in +json:
	// "text/plain" for navigator.sendBeacon and notifications of Amazon SNS,
	// "application/csp-report", or "" for requests without a Content-Type. In lower
	// case, without parameters; a form and a multipart type are errors. A form on
	// another site can send text/plain with the cookies of its visitor, and without
	// a preflight request of CORS: an endpoint that takes it wants another proof of
	// where a request is from. [Body.JSON] ignores the type instead.
	//
	// Express: the type option of express.json. Next.js has none.
	JSONTypes []string `json:"jsonTypes,omitzero"`

	// Depth bounds how deeply the arrays and objects of a JSON body nest;
	// deeper is 400. 0 is 512, negative is whatever the decoder accepts, which
	// is 10,000 levels for encoding/json. Next.js has no bound.
	Depth int `json:"depth,omitzero"`

	// Values bounds the number of values in a JSON body: objects, arrays, strings,
	// numbers, and words. Two bytes of text can stand for a value that takes 36
	// in memory, or as many as the type of a list element has. More is 413. 0 is
	// one value for every 8 bytes of Limit, and 10,000 at the least, which no
	// document of named fields comes near; negative is no bound. Next.js has none.
	Values int `json:"values,omitzero"`

	// Pairs bounds the number of key-value pairs in a form; more is 413. 0 is
	// 1000, negative leaves the bound to Limit. Next.js silently drops what
	// comes after the first 1000.
	Pairs int `json:"pairs,omitzero"`

	// UniqueKeys refuses JSON objects that have a key twice, with 400. Other
	// readers of the same body may take another of the two for the value. Keys
	// that differ in case only are the same, wherever they are decoded to: they
	// are for a struct, since encoding/json finds its fields so. Package bind also
	// refuses names that are one key of a map, such as 1 and 01. By default the
	// last wins, as in Next.js.
	UniqueKeys bool `json:"uniqueKeys,omitzero"`

	// Inflate accepts bodies compressed with gzip or deflate and reads what is
	// in them. By default, and for any other Content-Encoding, the answer is
	// 415, with the codings that are known in Accept-Encoding. Next.js takes
	// the compressed bytes for the body.
	Inflate bool `json:"inflate,omitzero"`

	// Decoders adds further values of Content-Encoding, by lower-case name.
	// What a decoder returns is read up to Limit and then closed.
	Decoders map[string]func(io.Reader) (io.ReadCloser, error) `json:"-"`

	// Verify, if set, is given the bytes of every body before they are parsed,
	// and of requests without one. The request is refused if it returns an
	// error: with the StatusCode of that error if it has one, else with 403.
	// Nothing passes unverified, so multipart bodies are read too.
	//
	// The bytes are inflated if Inflate applies. They may be used until Verify
	// returns, and must not be changed. See [VerifyHMAC].
	Verify func(r *http.Request, body []byte) error `json:"-"`

	// Unmarshal decodes JSON in place of encoding/json. It is called with one
	// value in valid UTF-8, without a byte order mark, whose depth is bounded.
	Unmarshal func(data []byte, dst any) error `json:"-"`

	// OnError answers a body that was refused. Nil is that of the
	// middleware.Config around it, else a problem document (RFC 9457);
	// reply.PlainError gives the text of Next.js. The error is an [*Error],
	// except for one of Verify's that has a status of its own. Only [New]
	// answers; [Parse] returns the error.
	OnError func(w http.ResponseWriter, r *http.Request, err error) `json:"-"`

	// Logger is told of responses of 500 and above, and once if another parser
	// was there first. Nil is that of the middleware.Config around it, else
	// slog.Default.
	Logger *slog.Logger `json:"-"`
}

// Validate reports everything that is wrong with the Config. [New] panics with
// the same error.
func (c Config) Validate() error {
	if !c.Raw && c.Limit >= 0 && c.Decoders == nil && c.JSONTypes == nil {
		return nil // the rest allocates, and Parse comes by for each request
	}
	return errors.Join(c.problems()...)
}

func (c Config) problems() (errs []error) {
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf("bodyparser: "+format, args...)) }
	unread := func(field string, set bool) {
		if set && c.Raw {
			complain("Config.%s needs a body that is read, which Config.Raw leaves to the handler", field)
		}
	}
	unread("JSONTypes", len(c.JSONTypes) > 0)
	unread("UniqueKeys", c.UniqueKeys)
	unread("Inflate", c.Inflate)
	unread("Decoders", len(c.Decoders) > 0)
	unread("Verify", c.Verify != nil)
	unread("Unmarshal", c.Unmarshal != nil)
	if c.Limit < 0 && (c.Inflate || len(c.Decoders) > 0) {
		complain("Config.Limit must not be negative if bodies are inflated: a few bytes can become any number")
	}
	for _, name := range c.JSONTypes {
		m := parseMediaType(name)
		if name != "" && (!m.ok || m.name != name) || name == formType || strings.HasPrefix(name, "multipart/") {
			complain("Config.JSONTypes has %q: want a media type in lower case, other than a form", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Decoders)) {
		if name == "identity" || name != strings.ToLower(name) || !isToken(name) {
			complain("Config.Decoders[%q]: want one content coding in lower case, other than identity", name)
		}
		if c.Decoders[name] == nil {
			complain("Config.Decoders[%q] is nil", name)
		}
	}
	return errs
}

// settings are a Config with its defaults filled in. A bound that is off is
// negative.
type settings struct {
	Config
	limit     int64
	untouched int64 // the limit for bodies that are not read here
}

func (c Config) settings() settings {
	s := settings{Config: c, limit: int64(c.Limit), untouched: -1}
	if c.Limit > 0 {
		s.untouched = int64(c.Limit)
	} else if c.Limit == 0 {
		s.limit = defaultLimit
	}
	if c.ReadTimeout == 0 {
		s.ReadTimeout = defaultReadTimeout
	}
	if c.Depth == 0 {
		s.Depth = defaultDepth
	}
	if c.Values == 0 {
		s.Values = -1
		if s.limit >= 0 {
			s.Values = int(min(max(s.limit/8, leastValues), math.MaxInt))
		}
	}
	if c.Pairs == 0 {
		s.Pairs = defaultPairs
	}
	return s
}
