package torture_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// A fate is what can become of a request, as far as it matters: to the client,
// and to those who read the log.
type fate uint

const (
	whole      fate = 1 << iota // the answer of the piece, all of it
	wholeNoted                  // the same, and one record of what happened after it
	refused                     // a whole answer of 400 to 499, no record
	failed                      // a whole answer of 500 to 599, one record
	dropped                     // no whole answer, no record
	noted                       // no whole answer, one record
	ended                       // a stream that has begun, and ended in good order before its last event
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

// A finding is something that must not be. Its kind is what is wrong, for the
// test that each kind can be found.
type finding struct{ kind, text string }

const (
	misfit      = "another answer" // than the one that is wanted
	partial     = "looks whole and is not"
	harmed      = "the next request" // the connection, or the service, is in disorder
	dead        = "dead"             // the service serves no more
	records     = "records"          // not one for each failure, and none else
	panicked    = "a panic in net/http"
	late        = "written late" // after the handler has returned
	smuggled    = "smuggled"     // a body was taken for a request
	memory      = "memory"       // it grew beyond the bound
	goroutines  = "goroutines"   // they stay behind
	descriptors = "descriptors"  // likewise
	leftFiles   = "files"        // likewise
)

// An answer is a response as far as it came.
type answer struct {
	status    int // 0 is that there was none
	header    http.Header
	body      string
	err       error // why it is not whole, nil if its framing says that all of it is there
	last      bool  // the connection ends after it
	continues int   // how often 100 Continue came before it
}

func (a *answer) whole() bool { return a.err == nil }

// get returns the value of a header field, those of several joined.
func (a *answer) get(name string) string { return strings.Join(a.header.Values(name), ", ") }

func (a answer) String() string {
	return fmt.Sprintf("%d, %d bytes (%v) %q %.300q", a.status, len(a.body), a.err, a.header, a.body)
}

// fateOf sorts what came of a request into the fates, or says why it is none
// of them.
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

// numbers are what a hub puts into its streams that is different each time.
var numbers = regexp.MustCompile(`(?m)^(id|retry): .*\n`)

func unnumbered(body string) string {
	if !strings.Contains(body, "\nid: ") { // which is much faster to see
		return body
	}
	return numbers.ReplaceAllString(body, "")
}

// A verdict says what is wrong with an answer, nil if nothing is.
type verdict func(*answer) error

// is asks for a whole answer of the status that has all the parts.
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

// says asks for one of the statuses. What net/http refuses it answers without
// a length, and may reset the connection after it.
func says(statuses ...int) verdict {
	return func(a *answer) error {
		if !slices.Contains(statuses, a.status) {
			return fmt.Errorf("want one of %v", statuses)
		}
		return nil
	}
}

// cut asks for no answer, or for one that cannot pass for a whole one.
func cut(a *answer) error {
	if a.whole() {
		return errors.New("want the connection cut")
	}
	return nil
}

// either asks for what one of several verdicts asks for.
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

// also asks for what all of several verdicts ask for.
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

// without asks for an answer in which none of the texts is, in header or body.
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

// field asks for a header field that has exactly the value.
func field(name, value string) verdict {
	return func(a *answer) error {
		if got := a.get(name); got != value {
			return fmt.Errorf("%s is %q, want %q", name, got, value)
		}
		return nil
	}
}
