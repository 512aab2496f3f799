package bodyparser

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/mediatype"
	"github.com/apiece/apiece/internal/requestbody"
)

// Config configures how bodies are read. The zero Config has the defaults of
// Next.js and the bounds that a public server needs. Do not change a Config
// after passing it on; [New] keeps a copy.
type Config struct {
	// Limit is the largest body accepted, in bytes, inclusive. A larger one
	// gets 413, before it is read if it declares its length. With Inflate, the
	// limit applies to the bytes received and again to the bytes decompressed.
	// 0 is 1 MB, negative is no limit; a limit of zero bytes is not possible.
	//
	// Next.js: bodyParser.sizeLimit.
	Limit bytesize.Size `json:"sizeLimit,omitzero"`

	// Raw leaves the body unread, for handlers that read r.Body themselves. No
	// limit applies then, unless Limit is set: a larger declared length gets
	// 413, and reading past it fails with *http.MaxBytesError. Multipart bodies
	// are always left unread, for package upload to stream.
	//
	// Next.js: bodyParser: false.
	Raw bool `json:"raw,omitzero"`

	// ReadTimeout limits the time for reading the body; a slower client gets 408.
	// It needs a server whose writer has read deadlines, as in net/http; with
	// others it has no effect. 0 is 30 seconds, negative is no limit. Next.js has
	// none.
	//
	// A function without a writer, such as bind.Body, uses that of a New, a
	// reply.HandlerFunc, a middleware.Timeout or a middleware.Config with OnError
	// or Logger around it. Without any of them the time is not limited, which is
	// logged once at level Warn.
	ReadTimeout time.Duration `json:"-"`

	// JSONTypes are additional media types of JSON bodies, besides
	// application/json, application/ld+json and any type that ends in +json:
	// "text/plain" for navigator.sendBeacon and notifications of Amazon SNS,
	// "application/csp-report", or "" for requests without a Content-Type. In lower
	// case, without parameters; a form and a multipart type are errors. A form on
	// another site can send text/plain with the user's cookies and without a CORS
	// preflight: an endpoint that accepts it needs other CSRF protection.
	// [Body.JSON] ignores the type instead.
	//
	// Express: the type option of express.json. Next.js has none.
	JSONTypes []string `json:"jsonTypes,omitzero"`

	// MaxDepth limits the nesting of arrays and objects in a JSON body; deeper is
	// 400. 0 is 512, negative is the limit of the decoder, 10,000 for
	// encoding/json. Next.js has no limit.
	MaxDepth int `json:"maxDepth,omitzero"`

	// MaxValues limits the number of values in a JSON body: objects, arrays, strings,
	// numbers, and literals; more is 413. Two bytes of text can be a value that
	// takes 36 bytes in memory, or the size of a list element. 0 is one value for
	// every 8 bytes of Limit, and at least 10,000, far above any document of named
	// fields; negative is no limit. Next.js has none.
	MaxValues int `json:"maxValues,omitzero"`

	// MaxPairs limits the number of key-value pairs in a form; more is 413. 0 is
	// 1000, negative is no limit but Limit. Next.js silently drops all pairs
	// after the first 1000.
	MaxPairs int `json:"maxPairs,omitzero"`

	// UniqueKeys refuses JSON objects with a duplicate key, with 400. Other
	// readers of the same body may use the other value. Keys that differ only in
	// case are duplicates, wherever they are decoded to, as for the fields of a
	// struct in encoding/json. Package bind also refuses names that are the same
	// key of a map, such as 1 and 01. By default the last one wins, as in Next.js.
	UniqueKeys bool `json:"uniqueKeys,omitzero"`

	// Inflate accepts bodies compressed with gzip or deflate and decompresses
	// them. By default, and for any other Content-Encoding, the response is
	// 415, with the supported codings in Accept-Encoding. Next.js takes the
	// compressed bytes for the body.
	Inflate bool `json:"inflate,omitzero"`

	// Decoders adds values of Content-Encoding, by lower-case name. The reader
	// that a decoder returns is read up to Limit and then closed.
	Decoders map[string]func(io.Reader) (io.ReadCloser, error) `json:"-"`

	// Verify, if set, is called with the bytes of every body before they are
	// parsed, and for requests without a body. If it returns an error the
	// request is refused: with the StatusCode of that error if it has one, else
	// with 403. No body is exempt, so multipart bodies are read too.
	//
	// The bytes are decompressed if Inflate applies. They are valid until
	// Verify returns, and must not be changed. See [VerifyHMAC].
	Verify func(r *http.Request, body []byte) error `json:"-"`

	// Unmarshal decodes JSON in place of encoding/json. It is called with one
	// value in valid UTF-8, without a byte order mark, within MaxDepth.
	Unmarshal func(data []byte, dst any) error `json:"-"`

	// OnError responds to a refused body. Nil is the OnError of the
	// middleware.Config around it, else problem details (RFC 9457);
	// reply.PlainError sends the text of Next.js. The error is an [*Error],
	// except for an error of Verify with a status of its own. Only [New]
	// responds; [Parse] returns the error.
	OnError func(w http.ResponseWriter, r *http.Request, err error) `json:"-"`

	// Logger logs responses of 500 and above, and once if another parser was
	// there first. Nil is the Logger of the middleware.Config around it, else
	// slog.Default.
	Logger *slog.Logger `json:"-"`
}

// Validate reports every setting that [New] would refuse, as an error that
// names each, or nil.
func (c Config) Validate() error {
	if !c.Raw && c.Limit >= 0 && c.Decoders == nil && c.JSONTypes == nil {
		return nil // the rest allocates, and Parse calls this for each request
	}
	return errors.Join(c.problems()...)
}

func (c Config) problems() (errs []error) {
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf("bodyparser: "+format, args...)) }
	needsBody := func(field string, set bool) {
		if set && c.Raw {
			complain("Config.%s needs a body that is read, which Config.Raw leaves to the handler", field)
		}
	}
	needsBody("JSONTypes", len(c.JSONTypes) > 0)
	needsBody("UniqueKeys", c.UniqueKeys)
	needsBody("Inflate", c.Inflate)
	needsBody("Decoders", len(c.Decoders) > 0)
	needsBody("Verify", c.Verify != nil)
	needsBody("Unmarshal", c.Unmarshal != nil)
	if c.Limit < 0 && (c.Inflate || len(c.Decoders) > 0) {
		complain("Config.Limit must not be negative if bodies are inflated: a few bytes can become any number")
	}
	for _, name := range c.JSONTypes {
		t, ok := mediatype.Parse(name)
		if name != "" && (!ok || t.Name != name) || name == formType || strings.HasPrefix(name, "multipart/") {
			complain("Config.JSONTypes has %q: want a media type in lower case, other than a form", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Decoders)) {
		if name == "identity" || name != strings.ToLower(name) || !mediatype.IsToken(name) {
			complain("Config.Decoders[%q]: want one content coding in lower case, other than identity", name)
		}
		if c.Decoders[name] == nil {
			complain("Config.Decoders[%q] is nil", name)
		}
	}
	return errs
}

// A parser reads bodies by a Config with its defaults filled in. A disabled bound
// is negative.
type parser struct {
	Config
	limit       int64
	unreadLimit int64 // for bodies that are left unread
}

func newParser(cfg Config) parser {
	p := parser{Config: cfg, limit: int64(cfg.Limit), unreadLimit: -1}
	if cfg.Limit > 0 {
		p.unreadLimit = int64(cfg.Limit)
	}
	p.limit = cmp.Or(p.limit, requestbody.DefaultLimit)
	p.ReadTimeout = cmp.Or(p.ReadTimeout, requestbody.DefaultReadTimeout)
	p.MaxDepth = cmp.Or(p.MaxDepth, requestbody.DefaultMaxDepth)
	p.MaxValues = cmp.Or(p.MaxValues, requestbody.DefaultMaxValues(p.limit))
	p.MaxPairs = cmp.Or(p.MaxPairs, requestbody.DefaultMaxPairs)
	return p
}
