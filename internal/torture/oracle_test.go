package torture_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// A fate is the outcome of a request, for the client and in the log.
type fate uint

const (
	whole      fate = 1 << iota // the response of the piece, complete
	wholeNoted                  // the same, and one record of a later failure
	refused                     // a complete response of 400 to 499, no record
	failed                      // a complete response of 500 to 599, one record
	dropped                     // no complete response, no record
	noted                       // no complete response, one record
	ended                       // a stream that began, and ended in good order before its last event
)

func (f fate) String() string {
	var names []string
	for i, name := range []string{"whole", "whole with a record", "refused", "failed", "dropped", "dropped with a record", "ended"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// A finding is something that must not happen. Its kind names the fault, for the test
// that each kind can be found.
type finding struct{ kind, text string }

const (
	misfit      = "another answer" // than the expected one
	partial     = "looks whole and is not"
	harmed      = "the next request" // the connection, or the service, is broken
	dead        = "dead"             // the service has stopped
	records     = "records"          // not exactly one for each failure
	panicked    = "a panic in net/http"
	late        = "written late" // after the handler has returned
	smuggled    = "smuggled"     // a body was parsed as a request
	memory      = "memory"       // it grew beyond the bound
	goroutines  = "goroutines"   // leaked
	descriptors = "descriptors"  // leaked
	leftFiles   = "files"        // leaked
)

// An answer is a response as far as it was received.
type answer struct {
	status    int // 0 if there was none
	header    http.Header
	body      string
	err       error // why it is incomplete, nil if its framing is complete
	last      bool  // the connection ends after it
	continues int   // how many 100 Continue responses came before it
}

func (a *answer) whole() bool { return a.err == nil }

// get returns the value of a header field, with several joined.
func (a *answer) get(name string) string { return strings.Join(a.header.Values(name), ", ") }

func (a answer) String() string {
	return fmt.Sprintf("%d, %d bytes (%v) %q %.300q", a.status, len(a.body), a.err, a.header, a.body)
}

// fateOf classifies the outcome of a request as a fate, or says why it has none.
func (p *piece) fateOf(a answer, logged int) (fate, *finding) {
	pick := func(none, one fate) (fate, *finding) {
		switch {
		case logged == 0 && none != 0:
			return none, nil
		case logged == 1 && one != 0:
			return one, nil
		}
		return 0, &finding{records, fmt.Sprintf("%d of them, for %v", logged, a)}
	}
	switch {
	case a.err != nil:
		return pick(dropped, noted)
	case a.status == p.status && (unnumbered(a.body) == p.want || p.blank && a.get("Location") == p.want):
		if logged == p.records {
			return whole, nil
		}
		return pick(0, wholeNoted)
	case p.open && a.get("Content-Type") == "text/event-stream" && strings.HasPrefix(p.want, unnumbered(a.body)):
		return pick(ended, 0)
	case a.status >= 500:
		return pick(0, failed)
	case a.status >= 400:
		return pick(refused, 0)
	}
	return 0, &finding{partial, a.String()}
}

// numbers are the parts of a hub's streams that differ each time.
var numbers = regexp.MustCompile(`(?m)^(id|retry): .*\n`)

func unnumbered(body string) string {
	if !strings.Contains(body, "\nid: ") { // much faster to find
		return body
	}
	return numbers.ReplaceAllString(body, "")
}

// A verdict says what is wrong with a response, nil if nothing is.
type verdict func(*answer) error

// is wants a complete response of the status with all the parts.
func is(status int, parts ...string) verdict {
	return func(a *answer) error {
		if a.status != status || !a.whole() {
			return fmt.Errorf("want a whole %d", status)
		}
		for _, part := range parts {
			if !strings.Contains(a.body, part) {
				return fmt.Errorf("want %q in it", part)
			}
		}
		return nil
	}
}

// says wants one of the statuses. The rejections of net/http itself have no
// Content-Length, and it may reset the connection after them.
func says(statuses ...int) verdict {
	return func(a *answer) error {
		if !slices.Contains(statuses, a.status) {
			return fmt.Errorf("want one of %v", statuses)
		}
		return nil
	}
}

// cut wants no response, or one that cannot pass for complete.
func cut(a *answer) error {
	if a.whole() {
		return errors.New("want the connection cut")
	}
	return nil
}

// either wants what one of several verdicts wants.
func either(verdicts ...verdict) verdict {
	return func(a *answer) error {
		var errs []error
		for _, v := range verdicts {
			err := v(a)
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
}

// also wants what all of several verdicts want.
func also(verdicts ...verdict) verdict {
	return func(a *answer) error {
		for _, v := range verdicts {
			if err := v(a); err != nil {
				return err
			}
		}
		return nil
	}
}

// without wants a response without any of the texts, in header or body.
func without(texts ...string) verdict {
	return func(a *answer) error {
		var all strings.Builder
		_ = a.header.Write(&all)
		all.WriteString(a.body)
		for _, text := range texts {
			if strings.Contains(all.String(), text) {
				return fmt.Errorf("%q is in it", text)
			}
		}
		return nil
	}
}

// field wants a header field with exactly the value.
func field(name, value string) verdict {
	return func(a *answer) error {
		if got := a.get(name); got != value {
			return fmt.Errorf("%s is %q, want %q", name, got, value)
		}
		return nil
	}
}
