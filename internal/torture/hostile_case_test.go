package torture_test

import "time"

// A hostileCase is one attack. It is a request, which is sent over HTTP/1.1 and HTTP/2;
// or its bytes, or a script, which are for only one of them.
type hostileCase struct {
	why   string
	send  request
	raw   string
	run   func(*attack)
	times int // concurrent clients; 0 is one

	want verdict // of each response to send or raw
	two  verdict // over HTTP/2, if different

	// The memory in use may grow by three times this for each client, and by 12 MB. 0
	// is 1 MB, which is the limit of most bodies.
	limit int64

	// records is the number of records at level Error that the case leaves. 0 is one
	// for each response of 500 or above, unsaid is not checked.
	records int

	onlyOne bool // not over HTTP/2, where it has another meaning
	overTwo bool // a script for HTTP/2
}

const unsaid = -1

// goes reports whether the case is sent over HTTP/1.1 or 2.
func (c *hostileCase) goes(protocol int) bool {
	if protocol == 2 {
		return c.overTwo || c.send.target != "" && !c.onlyOne
	}
	return !c.overTwo
}

// A request is one as intended: its lies are explicit.
type request struct {
	method  string // "" is GET, or POST if there is a body
	target  string
	fields  []string // "Name: value"
	body    string
	chunked bool          // do not declare the length
	lie     int           // declare this length instead, if not 0
	early   bool          // close this side of the connection after the body
	stay    bool          // send nothing more, and wait
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
