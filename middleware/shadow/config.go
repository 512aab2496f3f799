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

// Config says which requests are compared, and how. The zero Config compares all GET
// and HEAD requests.
type Config struct {
	// Methods are the request methods that are compared. Nil is GET and HEAD. With any
	// other method the shadow writes too: let it use its own copy of the data, or
	// discard its writes.
	Methods []string

	// Sample is the fraction of requests that is compared, such as 0.1 for one in ten.
	// 0 is all of them.
	Sample float64

	// Concurrency bounds the number of concurrent comparisons, and so the memory.
	// Further requests are skipped. 0 is 16.
	Concurrency int

	// Timeout bounds the time of the shadow by its context. A shadow that keeps running
	// still counts toward Concurrency. 0 is 10 seconds.
	Timeout time.Duration

	// BodyLimit bounds the bytes kept of each body: of the request and of both responses.
	// A larger request is skipped, a larger response is compared byte by byte. 0 is 1
	// MB.
	BodyLimit bytesize.Size

	// Headers are the response header fields that are compared. Nil is Content-Type and
	// Location. The media type is compared ignoring blanks and letter case. An empty
	// list compares none.
	Headers []string

	// IgnoreJSON are JSON values that are not compared, as JSON pointers (RFC 6901) in
	// which * stands for any name or index: "/items/*/updatedAt".
	IgnoreJSON []string

	// UnorderedJSON are JSON arrays whose order does not matter, in the same syntax. ""
	// is the whole response.
	UnorderedJSON []string

	// NoCredentials removes Cookie, Authorization and Proxy-Authorization from the
	// shadow's request.
	NoCredentials bool

	// Prepare may change the shadow's request, for instance its header. It runs in the
	// background. Nil changes nothing.
	Prepare func(r *http.Request)

	// Report is called for every difference and every failure of the shadow. It runs in
	// the background, concurrently. Nil writes the first ten of each route to Logger.
	Report func(Difference)

	// Logger gets the differences if Report is nil, and panics of Prepare and Report.
	// Nil is slog.Default.
	Logger *slog.Logger
}

// Validate reports every setting that [New] would refuse, as an error that names it, or
// nil.
func (c Config) Validate() error {
	var errs []error
	if c.Sample < 0 || c.Sample > 1 || c.Sample != c.Sample {
		errs = append(errs, fmt.Errorf("shadow: Config.Sample is %v, want 0 to 1", c.Sample))
	}
	for _, n := range []struct {
		name     string
		negative bool
	}{{"Concurrency", c.Concurrency < 0}, {"Timeout", c.Timeout < 0}, {"BodyLimit", c.BodyLimit < 0}} {
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

// withDefaults returns the Config with defaults in place of zeros, and copies of the
// lists.
func (c Config) withDefaults() Config {
	c.Concurrency = setting.Or(c.Concurrency, 16)
	c.Timeout = setting.Or(c.Timeout, 10*time.Second)
	c.BodyLimit = setting.Or(c.BodyLimit, bytesize.MB)
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
