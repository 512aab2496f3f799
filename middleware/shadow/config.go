package shadow

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/setting"
)

// Config says which requests are compared, and how. The zero Config compares all
// GET and HEAD requests.
type Config struct {
	// Methods are the methods of the requests that are compared. Nil is GET and
	// HEAD. With any other the shadow changes things too: on its own copy of the
	// data, or not at all.
	Methods []string

	// Sample is the part of the requests that is compared, such as 0.1 for one in
	// ten. 0 is all of them.
	Sample float64

	// Concurrency bounds the requests that are compared at a time, and with it the
	// memory. Further ones are skipped. 0 is 16.
	Concurrency int

	// Timeout bounds the time of the shadow, whose context ends then. One that runs
	// on nevertheless keeps its place among the concurrent ones. 0 is 10 seconds.
	Timeout time.Duration

	// MaxBody bounds the bytes of each body that are kept: that of the request, and
	// those of both responses. A longer request is skipped, a longer response
	// compared byte by byte. 0 is 1 MB.
	MaxBody bytesize.Size

	// Headers are the fields of the responses that are compared. Nil is
	// Content-Type and Location, of which the media type is compared without regard
	// to blanks and letter case. An empty list is none.
	Headers []string

	// IgnoreJSON are values of JSON that are not compared, as JSON pointers (RFC
	// 6901) in which * stands for any name or index: "/items/*/updatedAt".
	IgnoreJSON []string

	// UnorderedJSON are lists of JSON whose order does not matter, written likewise.
	// "" is the whole response.
	UnorderedJSON []string

	// NoCredentials keeps Cookie, Authorization and Proxy-Authorization from the
	// shadow.
	NoCredentials bool

	// Prepare may change the request of the shadow, its header for instance. It runs
	// in the background. Nil changes nothing.
	Prepare func(r *http.Request)

	// Report is told of every request that differs, and of every failure of the
	// shadow. It runs in the background, for several requests at a time. Nil writes
	// the first ten of each route to Logger.
	Report func(Difference)

	// Logger is where Report writes if it is nil, and where panics of Prepare and
	// Report go. Nil is slog.Default.
	Logger *slog.Logger
}

// Validate reports everything that is wrong with the Config.
func (c Config) Validate() error {
	var errs []error
	if c.Sample < 0 || c.Sample > 1 || c.Sample != c.Sample {
		errs = append(errs, fmt.Errorf("shadow: Config.Sample is %v, want 0 to 1", c.Sample))
	}
	for _, n := range []struct {
		name     string
		negative bool
	}{{"Concurrency", c.Concurrency < 0}, {"Timeout", c.Timeout < 0}, {"MaxBody", c.MaxBody < 0}} {
		if n.negative {
			errs = append(errs, fmt.Errorf("shadow: Config.%s is negative; nothing would bound the shadow", n.name))
		}
	}
	for _, m := range c.Methods {
		if m == "" || m != strings.ToUpper(m) {
			errs = append(errs, fmt.Errorf("shadow: Config.Methods has %q, want a method in upper case", m))
		}
	}
	for _, p := range slices.Concat(c.IgnoreJSON, c.UnorderedJSON) {
		if p != "" && p[0] != '/' {
			errs = append(errs, fmt.Errorf("shadow: %q is no JSON pointer, which begins with a slash", p))
		}
	}
	return errors.Join(errs...)
}

// withDefaults returns the Config with numbers in place of zeros, and lists of its
// own.
func (c Config) withDefaults() Config {
	c.Concurrency = setting.Or(c.Concurrency, 16)
	c.Timeout = setting.Or(c.Timeout, 10*time.Second)
	c.MaxBody = setting.Or(c.MaxBody, bytesize.MB)
	if c.Methods == nil {
		c.Methods = []string{http.MethodGet, http.MethodHead}
	}
	if c.Headers == nil {
		c.Headers = []string{"Content-Type", "Location"}
	}
	c.Methods, c.Headers = slices.Clone(c.Methods), slices.Clone(c.Headers)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}
