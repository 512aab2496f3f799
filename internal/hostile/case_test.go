package hostile_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A hostileCase is one thing that attackers do. It is a request, which goes
// over HTTP/1.1 and HTTP/2; or the bytes of one, or a script, which are about
// one of them alone.
type hostileCase struct {
	why   string
	send  request
	raw   string
	run   func(*attack)
	times int // how many clients do it at once; 0 is one

	want verdict // of each answer to send or raw
	two  verdict // over HTTP/2, if that is another

	// The memory in use may grow by three times this for each client,
	// and by 12 MB. 0 is 1 MB, which is the limit of most bodies.
	limit int64

	// records is how many records of level Error the case leaves. 0 is one for
	// each answer of 500 or more, unsaid is not looked at.
	records int

	onlyOne bool // not over HTTP/2, where it would mean something else
	overTwo bool // a script for HTTP/2
}

const unsaid = -1

// goes reports whether the case goes over HTTP/1.1 or 2.
func (c *hostileCase) goes(protocol int) bool {
	if protocol == 2 {
		return c.overTwo || c.send.target != "" && !c.onlyOne
	}
	return !c.overTwo
}

// A request is one as it is meant: what of it is a lie is said.
type request struct {
	method  string // "" is GET, or POST if there is a body
	target  string
	fields  []string // "Name: value"
	body    string
	chunked bool          // do not declare the length
	lie     int           // declare this length instead, if not 0
	early   bool          // close this side of the connection behind the body
	stay    bool          // send no more, and wait
	pause   time.Duration // before each further byte of the body
}

func (r *request) verb() string {
	switch {
	case r.method != "":
		return r.method
	case r.body != "" || r.lie > 0 || r.chunked:
		return "POST"
	}
	return "GET"
}

func (r *request) length() int {
	if r.lie != 0 {
		return r.lie
	}
	return len(r.body)
}

// A verdict says what is wrong with an answer, nil if nothing is.
type verdict func(*answer) error

// is asks for a whole answer of the status that has all the parts.
func is(status int, parts ...string) verdict {
	return func(a *answer) error {
		if a.status != status || !a.whole {
			return fmt.Errorf("want a whole %d", status)
		}
		for _, part := range parts {
			if !strings.Contains(string(a.body), part) {
				return fmt.Errorf("want %q in it", part)
			}
		}
		return nil
	}
}

// says asks for one of the statuses. What net/http refuses it answers without
// a length, and may reset the connection behind it.
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
	if a.whole {
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
		all := strings.Join(a.fields, "\n") + "\n" + string(a.body)
		for _, text := range texts {
			if strings.Contains(all, text) {
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
