package cache

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/apiece/apiece/internal/response"
)

// A recorder is the ResponseWriter of a flight's handler. It holds the response back
// until it is known to be shared as well, or records it while the client gets it.
//
//	          1                  3
//	┌───────┐    ┌──────┐ flush    ┌──────┐
//	│ begun ├───►│ held ├─────────►│ teed │
//	└──┬────┘    └┬─────┘          └──┬───┘
//	   │ 2        │ 2                 │ 4
//	   ├──────────┴──►┌──────┐◄───────┘
//	   │              │ live │
//	   │ 5            └──────┘
//	   ├─────► replaced
//	   │ 6
//	   ├─────► dropped
//	   │ 7                              8
//	   └─────► rerun           begun, held ───► aborted
//
//	1 begun -> held             the header is fixed, and the response may be shared
//	2 begun, held -> live       it is for this client alone: what was held is sent, the rest follows
//	3 held -> teed              it is flushed, as by a proxy or a template: client and recorder both get it
//	4 teed -> live              it is too large to store
//	5 begun, held -> replaced   the client has another response: the old entry in place of an error, or a 304
//	6 begun -> dropped          it may not be shared, and there is no client
//	7 begun -> rerun            it is for the client whose credentials were withheld: the handler runs with them
//	8 begun, held -> aborted    a layer inside aborted the response; nothing of it is sent
//
// Only held and teed become an entry. In replaced, dropped, rerun and aborted the
// handler's writes are discarded.
//
// The header is the handler's own. Fields that layers outside have set for this client,
// such as those of CORS, stay out of the stored response, and are joined again when it is
// sent.
type recorder struct {
	f        *flight
	client   http.ResponseWriter
	r        *http.Request // the client's
	noClient bool          // there is no client

	header    http.Header // as the handler sees it
	sent      http.Header // as it was at the commit: later changes are not sent
	status    int         // 0 until the commit
	size      int64       // Content-Length at the commit, -1 without one
	created   time.Time
	lifetime  Lifetime
	body      []byte
	validated bool // a 304 to the cache: header and body are the old entry's

	state state
	why   reason // not stored because of it
}

// A state is the state of a response.
type state int

const (
	begun state = iota
	held
	teed
	live
	replaced
	dropped
	rerun
	aborted
)

// hijackable is a recorder whose connection can be hijacked.
type hijackable struct{ *recorder }

// A noClientError is the error of a refresh, whose response can only be stored.
type noClientError struct{}

func (noClientError) Error() string { return "cache: the response cannot be stored and has no client" }
func (noClientError) Unwrap() error { return http.ErrNotSupported }

var (
	errNoClient error = noClientError{}
	errUnsent         = errors.New("cache: the response was aborted before any of it was sent")
)

// newRecorder returns a recorder, and the writer for the handler, which all of apiece's
// layers share and which finds out what the client's can do. A response without a client
// is written to w too, but its header is sent to no client.
func newRecorder(f *flight, w http.ResponseWriter, r *http.Request, noClient bool) (*recorder, http.ResponseWriter) {
	rec := &recorder{f: f, client: w, r: r, noClient: noClient, header: make(http.Header)}
	if f.outerHeader == nil {
		f.outerHeader = w.Header()
	}
	var inner http.ResponseWriter = rec
	if _, ok := response.Find[http.Hijacker](w); ok {
		inner = hijackable{rec}
	}
	return rec, new(response.Writer).Init(inner, r)
}

func (rec *recorder) Header() http.Header { return rec.header }

// Unwrap returns the client's writer, for the read deadline.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.client }

// unsent reports whether another response can still be sent to the client.
func (rec *recorder) unsent() bool {
	return rec.state == begun || rec.state == held || rec.state == aborted
}

// SetWriteDeadline is also called for a response that cannot be finished. Until some of
// it was sent the connection stays as it is, so that another response can be sent.
func (rec *recorder) SetWriteDeadline(t time.Time) error {
	if response.Poisons(t) {
		if rec.unsent() {
			rec.state = aborted // 8
			return nil
		}
		rec.notStored(incomplete)
	}
	return http.NewResponseController(rec.client).SetWriteDeadline(t)
}

func (rec *recorder) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("cache: invalid WriteHeader code %d", status)) // as in net/http, and before anything is stored
	case status >= 100 && status <= 199 && status != http.StatusSwitchingProtocols:
		rec.sendInterim(status)
	case rec.status == 0:
		rec.commit(status)
	case rec.state == live && !rec.noClient:
		rec.client.WriteHeader(status) // net/http logs the superfluous call
	case status >= 500:
		rec.notStored(failedHalfway) // too late for this client, in time for all others
	}
}

// sendInterim sends an interim (1xx) response to this client. It is not stored, and its
// header is not yet that of the response.
func (rec *recorder) sendInterim(status int) {
	if rec.noClient {
		return
	}
	h := rec.client.Header()
	before := h.Clone()
	new(values).join(h, rec.header)
	rec.client.WriteHeader(status)
	clear(h)
	maps.Copy(h, before)
}

// commit decides by the header what happens to the response.
func (rec *recorder) commit(status int) {
	rec.status, rec.created = status, time.Now()
	rec.sent = canonicalHeader(rec.header)
	f := rec.f
	if rec.validated = status == http.StatusNotModified && f.validates(); rec.validated {
		rec.status, rec.body = f.old.Status, f.old.Body
		rec.sent = freshened(f.old.Header, rec.sent)
	}
	rec.size = contentLength(rec.sent)
	rec.lifetime, rec.why = f.mayStore(rec.status, rec.sent, rec.created)
	if rec.validated && rec.why == noLifetime && f.ownLifetime() == nil {
		rec.lifetime, rec.why = f.old.Lifetime, kept // of SetLifetime for the entry that is still valid
	}
	if rec.state == aborted {
		return
	}
	switch {
	case rec.why == kept, rec.why == serverError, f.maskedByStale(rec.status):
		rec.state = held // 1
	case f.key.withheld && rec.why == hasCredentials && !rec.noClient:
		f.cache.revokePublic(f.key)
		rec.state = rerun // 7
		f.settle(result{outcome: retry})
		f.cancel(errNoClient)
	default:
		rec.goLive(rec.why)
	}
}

// notStored notes why the response is not stored, unless there is a reason already.
func (rec *recorder) notStored(why reason) {
	if rec.why == kept {
		rec.why = why
	}
}

// goLive hands the response to its client, and releases the waiting requests.
func (rec *recorder) goLive(why reason) {
	was := rec.state
	rec.notStored(why)
	if rec.noClient {
		rec.state = dropped // 6
		rec.f.notShared(rec.status, rec.why)
		rec.f.cancel(errNoClient)
		return
	}
	rec.state = live // 2, 4
	if was == aborted {
		response.Poison(rec.client)
	}
	rec.f.notShared(rec.status, rec.why)
	rec.f.follow()
	if rec.status == 0 || was == teed {
		rec.body = nil
		return
	}
	rec.sendHeld(rec.why.detail())
}

// sendHeld sends the held response to the client.
func (rec *recorder) sendHeld(detail string) {
	h := rec.client.Header()
	new(values).join(h, rec.sent)
	rec.f.cache.addCacheStatus(h, forwarded(rec.f.old != nil)+detail, "MISS")
	if rec.status == http.StatusOK && notModified(rec.r, rec.sent) {
		rec.state = replaced // 5
		sendNotModified(rec.client)
		return
	}
	rec.client.WriteHeader(rec.status)
	if len(rec.body) > 0 {
		_, _ = rec.client.Write(rec.body)
	}
	if rec.state == live {
		rec.body = nil
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 {
		rec.commit(http.StatusOK)
	}
	if rec.validated {
		return 0, http.ErrBodyNotAllowed
	}
	if rec.state == held || rec.state == teed {
		size := int64(len(rec.body) + len(p))
		switch {
		case rec.size >= 0 && size > rec.size:
			return 0, http.ErrContentLength // as from net/http, which keeps what it has
		case rec.f.cache.tooLarge(size):
			rec.goLive(tooLarge)
		default:
			rec.body = append(rec.body, p...)
		}
	}
	switch rec.state {
	case teed:
		rec.f.sending.Store(true)
		_, _ = rec.client.Write(p) // if the client is gone, the others still get the rest
		rec.f.sending.Store(false)
		return len(p), nil
	case live:
		return rec.client.Write(p)
	case dropped, rerun:
		return 0, errNoClient
	}
	return len(p), nil
}

// ReadFrom lets net/http send a file with sendfile, if the response goes live.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	if rec.status == 0 {
		rec.commit(http.StatusOK)
	}
	if rf, ok := rec.client.(io.ReaderFrom); ok && rec.state == live {
		return rf.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{rec}, src)
}

// FlushError sends what is held, and later writes as they come. For an error that a stale
// entry replaces, it sends that now: a time limit inside flushes its response while the
// handler goes on.
func (rec *recorder) FlushError() error {
	if rec.status == 0 && rec.state != aborted {
		rec.commit(http.StatusOK)
	}
	f := rec.f
	switch {
	case rec.state == aborted:
		rec.goLive(incomplete)
	case rec.state == held && rec.noClient && rec.why == kept:
		return nil // nothing is sent before it is stored
	case rec.state == held && !rec.noClient && f.maskedByStale(rec.status):
		rec.state = replaced // 5
		f.notShared(rec.status, serverError)
		f.remember(serverError)
		f.cache.sendStored(rec.client, rec.r, f.old, time.Now())
	case rec.state == held && rec.why != kept:
		rec.goLive(rec.why)
	case rec.state == held && notModified(rec.r, rec.sent):
		return nil // a 304, which is sent when the response is stored
	case rec.state == held:
		rec.state = teed // 3
		f.stream()
		f.sending.Store(true)
		rec.sendHeld("")
	}
	if rec.noClient || rec.state == rerun {
		return errNoClient
	}
	f.sending.Store(rec.state == teed)
	defer f.sending.Store(false)
	return http.NewResponseController(rec.client).Flush()
}

// Hijack takes over the connection, after which the response cannot be shared.
func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.state == aborted {
		return nil, nil, errUnsent // what aborted it would only close the client's connection
	}
	if h.state != live {
		h.goLive(tookOver)
	}
	if h.noClient {
		return nil, nil, errNoClient
	}
	return http.NewResponseController(h.client).Hijack()
}

// finish ends the response after the handler has returned, and checks what the header did
// not tell.
func (rec *recorder) finish(late bool) {
	if rec.state == begun {
		rec.commit(http.StatusOK) // as net/http does if the handler wrote nothing
	}
	trailers := rec.trailers()
	if trailers && rec.why == kept {
		if rec.state == held {
			rec.goLive(hasTrailers)
		}
		rec.notStored(hasTrailers)
	}
	if !rec.noClient && (rec.state == live || rec.state == teed) {
		response.CopyTrailers(rec.client.Header(), rec.header)
	}
	if rec.state != held && rec.state != teed {
		return
	}
	switch f := rec.f; {
	case f.outlived.Load():
		rec.notStored(outlived)
	case late, time.Now().After(f.notedUntil):
		rec.notStored(tookTooLong)
	case rec.size >= 0 && rec.size != int64(len(rec.body)):
		rec.notStored(incomplete)
	case f.revalidation != nil && rec.status >= 400 && rec.r.Pattern == "":
		rec.notStored(noRoute)
	}
}

// trailers reports whether there are undeclared trailers.
func (rec *recorder) trailers() bool {
	for name := range rec.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// discardWriter is the writer of a request without a client.
type discardWriter struct {
	header http.Header
	status int
}

func (w *discardWriter) Header() http.Header { return w.header }

func (w *discardWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *discardWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}
