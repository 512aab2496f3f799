package middleware

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/layer"
)

// A Config is the `export const config` of a Next.js API route: it says what [New] and
// [Chain] put around the handler. The zero value has the defaults of Next.js: bodies of
// up to 1 MB are parsed, a response over 4 MB logs a warning, and there is no time
// limit.
//
// A Config can be read from JSON with the names and units of Next.js: see
// [Config.UnmarshalJSON].
type Config struct {
	// BodyParser configures [bodyparser.New]. Next.js: bodyParser, whose false is Raw.
	BodyParser bodyparser.Config

	// ResponseLimit is passed to [ResponseLimit]: 0 is 4 MB, negative disables it.
	// Next.js: responseLimit, whose false is negative.
	ResponseLimit bytesize.Size

	// MaxDuration is passed to [Timeout]: zero or negative disables it. Next.js:
	// maxDuration, in seconds.
	MaxDuration time.Duration

	// WarnUnresolved adds [Unresolved]. Next.js does this unless externalResolver is
	// true.
	WarnUnresolved bool

	// OnError renders every error and panic of the layers. The value of a panic is in
	// the text of the error. It also renders the errors of handlers and layers inside
	// that have no OnError of their own. Nil responds with problem details (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger is used by all layers, and by the handlers and layers inside that have no
	// Logger of their own. Nil is the Logger of the layers outside, else slog.Default.
	Logger *slog.Logger
}

// Validate reports every setting that [New] would refuse, as an error that names it, or
// nil.
func (cfg Config) Validate() error {
	return errors.Join(
		cfg.BodyParser.Validate(),
		cfg.timeout().Validate(),
	)
}

func (cfg Config) timeout() TimeoutConfig {
	return TimeoutConfig{Duration: cfg.MaxDuration, OnError: cfg.OnError, Logger: cfg.Logger}
}

// New returns the layers of cfg as one middleware. It panics with every error in cfg if
// cfg is not valid.
func New(cfg Config) func(http.Handler) http.Handler { return Chain(cfg).Then }

// Chain returns the layers of cfg as an alice chain, which can be appended to or extend
// another. It panics with every error in cfg if cfg is not valid. The order, from the
// outside:
//
//   - [Timeout], so that the layers inside count toward the time and can share its
//     ResponseWriter, which holds the response back;
//   - [Recover], so that a panic in any layer inside gets a response too;
//   - [Unresolved], if requested, where it sees the responses of the layers inside;
//   - [ResponseLimit], which must count their responses as well;
//   - [bodyparser.New], last, so that no body is read for a request that an outer layer
//     rejects;
//   - the handler.
func Chain(cfg Config) alice.Chain {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	pieces := []alice.Constructor{cfg.outermost, Recover(nil)}
	if cfg.WarnUnresolved {
		pieces = append(pieces, Unresolved(nil))
	}
	return alice.New(append(pieces,
		ResponseLimit(cfg.ResponseLimit),
		bodyparser.New(cfg.BodyParser),
	)...)
}

// outermost is the layer that bounds the time of next, and passes OnError and Logger to
// everything inside. A Timeout does both with the request that it creates anyway.
func (cfg Config) outermost(next http.Handler) http.Handler {
	if cfg.MaxDuration > 0 {
		return &timeoutHandler{next: next, cfg: cfg.timeout(), passes: true}
	}
	if cfg.OnError == nil && cfg.Logger == nil {
		return next
	}
	return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
		inside := exchange.WithDefaults(w, r, cfg.OnError, cfg.Logger)
		defer exchange.HandBack(r, inside)
		next.ServeHTTP(w, inside)
	})
}

// configJSON is the JSON form of a Config.
type configJSON struct {
	BodyParser       json.RawMessage `json:"bodyParser,omitempty"`
	ResponseLimit    json.RawMessage `json:"responseLimit,omitempty"`
	MaxDuration      json.RawMessage `json:"maxDuration,omitempty"`
	ExternalResolver *bool           `json:"externalResolver,omitempty"`
}

// UnmarshalJSON reads the names that Next.js uses. Fields that are absent or null keep
// their value.
//
//	bodyParser        true, false (Raw), or an object: {"sizeLimit": "500kb"}
//	responseLimit     true (4 MB), false (none), a size ("8mb"), or a number of bytes
//	maxDuration       a number of seconds, or a Go duration ("1.5s"); 0 is none
//	externalResolver  false sets WarnUnresolved, true clears it
//
// Any other name is an error.
func (cfg *Config) UnmarshalJSON(text []byte) error {
	var in configJSON
	if err := decodeStrict(text, &in); err != nil {
		return fmt.Errorf("middleware: config: %w", err)
	}
	out := *cfg
	if in.BodyParser != nil && string(in.BodyParser) != "null" {
		if err := out.readBodyParser(in.BodyParser); err != nil {
			return fmt.Errorf("middleware: config: bodyParser: %w", err)
		}
	}
	if in.ResponseLimit != nil && string(in.ResponseLimit) != "null" {
		if err := out.readResponseLimit(in.ResponseLimit); err != nil {
			return fmt.Errorf("middleware: config: responseLimit: %w", err)
		}
	}
	if in.MaxDuration != nil && string(in.MaxDuration) != "null" {
		if err := out.readMaxDuration(in.MaxDuration); err != nil {
			return fmt.Errorf("middleware: config: maxDuration: %w", err)
		}
	}
	if in.ExternalResolver != nil {
		out.WarnUnresolved = !*in.ExternalResolver
	}
	*cfg = out
	return nil
}

func decodeStrict(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

func (cfg *Config) readBodyParser(text []byte) error {
	switch string(bytes.TrimSpace(text)) {
	case "true":
		cfg.BodyParser.Raw = false
		return nil
	case "false":
		cfg.BodyParser.Raw = true
		return nil
	}
	return decodeStrict(text, &cfg.BodyParser)
}

func (cfg *Config) readResponseLimit(text []byte) error {
	if string(bytes.TrimSpace(text)) == "true" {
		cfg.ResponseLimit = 0
		return nil
	}
	return json.Unmarshal(text, &cfg.ResponseLimit)
}

func (cfg *Config) readMaxDuration(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err == nil {
		const longest = float64(1<<63-1) / float64(time.Second)
		if seconds < 0 || seconds >= longest {
			return fmt.Errorf("%v seconds is out of range", seconds)
		}
		cfg.MaxDuration = time.Duration(seconds * float64(time.Second))
		return nil
	}
	var duration string
	if err := json.Unmarshal(text, &duration); err != nil {
		return fmt.Errorf("%s is neither a number of seconds nor a Go duration", text)
	}
	d, err := time.ParseDuration(duration)
	if err != nil {
		return err
	}
	if d < 0 {
		return fmt.Errorf("%v is out of range", d)
	}
	cfg.MaxDuration = d
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads. OnError and Logger have no JSON
// form.
func (cfg Config) MarshalJSON() ([]byte, error) {
	external := !cfg.WarnUnresolved
	out := configJSON{ExternalResolver: &external}
	var err error
	if out.ResponseLimit, err = json.Marshal(cfg.ResponseLimit); err != nil {
		return nil, err
	}
	if cfg.BodyParser.Raw && cfg.BodyParser.Limit == 0 {
		out.BodyParser = json.RawMessage("false")
	} else if out.BodyParser, err = json.Marshal(cfg.BodyParser); err != nil {
		return nil, err
	}
	if out.MaxDuration, err = json.Marshal(max(cfg.MaxDuration, 0).String()); err != nil {
		return nil, err
	}
	return json.Marshal(out)
}
