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

	"github.com/apiece/apiece/internal/respw"
)

// A recorder holds back what a handler answers until it is known to be for
// others as well. As soon as it is known not to be, the response goes live: what
// was held back is sent to the client, and all that follows as it is written.
//
// The header is the handler's own. What layers outside have set for this
// client, such as CORS, stays out of what is stored, and is joined again when
// the response is sent.
type recorder struct {
	f      *fill
	client http.ResponseWriter
	r      *http.Request // the client's
	alone  bool          // there is no client: nothing goes live

	header  http.Header // as the handler sees it
	sent    http.Header // as it was at the commit: what comes later is not sent
	status  int         // 0 until the commit
	size    int64       // as declared then, -1 if it was not
	created time.Time
	policy  Policy
	verdict verdict
	reason  string // why it is not kept
	body    []byte
	live    bool
	mute    bool // the client is not sent the body
	aborted bool // what was written cannot be finished
	failed  bool // so the handler said after it had begun
}

// hijackable is a recorder on a connection that can be taken over.
type hijackable struct{ *recorder }

// A noClientError is that of a refresh, whose response can only be stored.
type noClientError struct{}

func (noClientError) Error() string { return "cache: a response that cannot be stored, and no client" }
func (noClientError) Unwrap() error { return http.ErrNotSupported }

var (
	errNobody  error = noClientError{}
	errGivenUp       = errors.New("cache: a response that was given up, and of which the client has seen nothing")
)

// newRecorder returns a recorder, and the writer for the handler. That is the
// one that all pieces share, which finds out what the client's can do.
func newRecorder(f *fill, w http.ResponseWriter, r *http.Request) (*recorder, http.ResponseWriter) {
	rec := &recorder{f: f, client: w, r: r, header: make(http.Header)}
	f.outside = w.Header()
	var inner http.ResponseWriter = rec
	if _, ok := respw.Find[http.Hijacker](w); ok {
		inner = hijackable{rec}
	}
	return rec, new(respw.Writer).Init(inner, r)
}

func (rec *recorder) Header() http.Header { return rec.header }

// Unwrap leads to the client's writer, for the deadline of reading.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.client }

// SetWriteDeadline also hears of a response that cannot be finished. As long as
// its client has seen nothing of it, the connection stays as it is: something
// else can be sent.
func (rec *recorder) SetWriteDeadline(t time.Time) error {
	if respw.Poisons(t) && !rec.live {
		rec.aborted = true
		return nil
	}
	return http.NewResponseController(rec.client).SetWriteDeadline(t)
}

func (rec *recorder) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("cache: invalid WriteHeader code %d", status)) // as in net/http, and before anything is stored
	case status >= 100 && status <= 199 && status != http.StatusSwitchingProtocols:
		rec.inform(status)
	case rec.status == 0:
		rec.commit(status)
	case rec.live && !rec.alone:
		rec.client.WriteHeader(status) // net/http logs who called it twice
	case status >= 500:
		rec.failed = true // too late for this client, in time for all others
	}
}

// inform sends an interim response to the client at hand. It is not stored, and
// the header that goes with it is not yet that of the answer.
func (rec *recorder) inform(status int) {
	if rec.alone {
		return
	}
	h := rec.client.Header()
	before := h.Clone()
	new(values).join(h, rec.header)
	rec.client.WriteHeader(status)
	clear(h)
	maps.Copy(h, before)
}

// commit decides by the header what becomes of the response.
func (rec *recorder) commit(status int) {
	rec.status, rec.created = status, time.Now()
	rec.sent = rec.header.Clone()
	rec.size = declared(rec.sent)
	rec.policy, rec.verdict, rec.reason = rec.f.judge(status, rec.sent, rec.created)
	if rec.verdict == refuse && !rec.f.excused(status) {
		rec.goLive(rec.reason)
	}
}

// goLive hands the response to the client it is for, and whoever waits for it
// back to their own devices.
func (rec *recorder) goLive(reason string) {
	if rec.live {
		return
	}
	rec.live = true
	if rec.aborted {
		respw.Poison(rec.client)
	}
	shared := rec.verdict == share
	rec.refuse(reason)
	rec.f.refused(rec.status, shared)
	if rec.alone {
		rec.f.cancel(errNobody)
		return
	}
	rec.f.follow(rec.r.Context())
	if rec.status == 0 {
		return // taken over
	}
	h := rec.client.Header()
	new(values).join(h, rec.sent)
	rec.f.cache.mark(h, forwarded(rec.f.old != nil), "MISS")
	if rec.status == http.StatusOK && notModified(rec.sent, rec.r.Header) {
		rec.mute = true
		answerNotModified(rec.client)
		return
	}
	rec.client.WriteHeader(rec.status)
	if len(rec.body) > 0 {
		_, _ = rec.client.Write(rec.body)
		rec.body = nil
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 {
		rec.commit(http.StatusOK)
	}
	if !rec.live && rec.f.cache.tooLarge(int64(len(rec.body)+len(p))) {
		rec.goLive("it is too large")
	}
	switch {
	case !rec.live && rec.size >= 0 && int64(len(rec.body)+len(p)) > rec.size:
		return 0, http.ErrContentLength // as from net/http, which keeps what it has
	case !rec.live:
		rec.body = append(rec.body, p...)
		return len(p), nil
	case rec.alone:
		return 0, errNobody
	case rec.mute:
		return len(p), nil
	}
	return rec.client.Write(p)
}

// ReadFrom lets a file be sent rather than copied, if it goes live.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	if rec.status == 0 {
		rec.commit(http.StatusOK)
	}
	if rf, ok := rec.client.(io.ReaderFrom); ok && rec.live && !rec.mute && !rec.alone {
		return rf.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{rec}, src)
}

// FlushError makes the response live: who flushes wants to be heard now. If it is
// an error for which an old entry stands in, the client is sent that now: a time
// limit inside flushes its answer while the handler goes on.
func (rec *recorder) FlushError() error {
	if rec.status == 0 {
		rec.commit(http.StatusOK)
	}
	switch {
	case !rec.live && !rec.alone && rec.f.excused(rec.status):
		rec.live, rec.mute = true, true
		rec.f.refused(rec.status, true)
		rec.f.cache.sendStored(rec.client, rec.r, rec.f.old, time.Now())
	default:
		rec.goLive("it was flushed")
	}
	if rec.alone {
		return errNobody
	}
	return http.NewResponseController(rec.client).Flush()
}

// Hijack takes the connection over, which ends what others can expect.
func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.aborted && !h.live {
		return nil, nil, errGivenUp // whoever did would only hang up on the client
	}
	h.goLive("the connection was taken over")
	if h.alone {
		return nil, nil, errNobody
	}
	return http.NewResponseController(h.client).Hijack()
}

func (rec *recorder) refuse(reason string) { rec.verdict, rec.reason = refuse, reason }

// partial says why a response that has ended is not all there is, which the
// header did not tell when it was committed.
func (rec *recorder) partial() (reason string) {
	if rec.failed {
		return "its handler failed half-way"
	}
	if rec.size >= 0 && rec.size != int64(len(rec.body)) {
		return "it is not as long as declared"
	}
	return ""
}

// trailers reports whether there are some that were not declared.
func (rec *recorder) trailers() bool {
	for name := range rec.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// nowhere is the writer of a request that no client sent.
type nowhere struct {
	header http.Header
	status int
}

func (w *nowhere) Header() http.Header { return w.header }

func (w *nowhere) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *nowhere) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}
