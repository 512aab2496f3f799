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

// A Config is Next's `export const config` of one API route: what [New] and
// [Chain] put before its handler. The zero value is the default of Next.js: a
// body of up to 1 MB is parsed, a response over 4 MB is warned of, and no time
// limit applies.
//
// A Config can be read from JSON with Next's names and units: see
// [Config.UnmarshalJSON].
type Config struct {
	// BodyParser is for [bodyparser.New]. Next.js: bodyParser, whose false is Raw.
	BodyParser bodyparser.Config

	// ResponseLimit is for [ResponseLimit]: 0 is 4 MB, negative is none. Next.js:
	// responseLimit, whose false is negative.
	ResponseLimit bytesize.Size

	// MaxDuration is for [Timeout]: 0 or less is none. Next.js: maxDuration, in
	// seconds.
	MaxDuration time.Duration

	// WarnUnresolved adds [Unresolved]. Next does this unless externalResolver
	// is true.
	WarnUnresolved bool

	// OnError answers whatever the pieces refuse, and a panic, whose value is in
	// the text of the error. It also answers the errors of the handlers inside,
	// and of other pieces of the kit, that have no OnError of their own. Nil
	// answers with a problem document.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger is for all of them, and for the handlers and pieces of the kit inside
	// that have no Logger of their own. Nil is that of the layers outside, else
	// slog.Default.
	Logger *slog.Logger
}

// Validate returns everything that is wrong with the config, nil if nothing is.
func (cfg Config) Validate() error {
	return errors.Join(
		cfg.BodyParser.Validate(),
		cfg.timeout().Validate(),
	)
}

func (cfg Config) timeout() TimeoutConfig {
	return TimeoutConfig{Duration: cfg.MaxDuration, OnError: cfg.OnError, Logger: cfg.Logger}
}

// New returns the pieces that cfg asks for as one middleware. It panics if the
// config is not valid, with everything that is wrong.
func New(cfg Config) func(http.Handler) http.Handler { return Chain(cfg).Then }

// Chain returns the pieces that cfg asks for as an alice chain, to append to or
// to extend one's own. It panics if the config is not valid, with everything
// that is wrong. The order, from the outside:
//
//   - [Timeout], so that all that follows counts as time, and can share the
//     ResponseWriter that it holds back;
//   - [Recover], so that a panic in any other piece is answered too;
//   - [Unresolved], if asked for, where it sees what the others answer;
//   - [ResponseLimit], which must count what the others answer as well;
//   - [bodyparser.New], last, so that nothing is read for a request that
//     a layer further out refuses;
//   - the handler.
func Chain(cfg Config) alice.Chain {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	pieces := []alice.Constructor{cfg.within, Recover(nil)}
	if cfg.WarnUnresolved {
		pieces = append(pieces, Unresolved(nil))
	}
	return alice.New(append(pieces,
		ResponseLimit(cfg.ResponseLimit),
		bodyparser.New(cfg.BodyParser),
	)...)
}

// within bounds the time that next may take, and tells everything inside how
// errors are answered and where to log: a Timeout does that with the request that
// it makes anyway.
func (cfg Config) within(next http.Handler) http.Handler {
	if cfg.MaxDuration > 0 {
		return &bounded{next: next, cfg: cfg.timeout(), says: true}
	}
	if cfg.OnError == nil && cfg.Logger == nil {
		return next
	}
	return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
		said := exchange.Say(w, r, cfg.OnError, cfg.Logger)
		defer exchange.HandBack(r, said)
		next.ServeHTTP(w, said)
	})
}

// file is the JSON form of a Config.
type file struct {
	BodyParser       json.RawMessage `json:"bodyParser,omitempty"`
	ResponseLimit    json.RawMessage `json:"responseLimit,omitempty"`
	MaxDuration      json.RawMessage `json:"maxDuration,omitempty"`
	ExternalResolver *bool           `json:"externalResolver,omitempty"`
}

// UnmarshalJSON reads the names that Next.js uses. Fields that are absent, or
// null, keep their value.
//
//	bodyParser        true, false (Raw), or an object: {"sizeLimit": "500kb"}
//	responseLimit     true (4 MB), false (none), a size ("8mb"), or a number of bytes
//	maxDuration       a number of seconds, or a Go duration ("1.5s"); 0 is none
//	externalResolver  false sets WarnUnresolved, true clears it
//
// A name that is none of these is an error.
func (cfg *Config) UnmarshalJSON(text []byte) error {
	var in file
	if err := strict(text, &in); err != nil {
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

func strict(text []byte, v any) error {
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
	return strict(text, &cfg.BodyParser)
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
	out := file{ExternalResolver: &external}
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
