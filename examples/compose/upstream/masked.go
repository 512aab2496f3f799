package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/apiece/apiece/reply"
)

// masked is the transport of the proxy. It passes on only the allowed parts of a
// response, and treats a response that must not be seen as a failure.
type masked struct{ *upstream }

func (m masked) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.Transport.RoundTrip(r.WithContext(silent{r.Context()}))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, err // reading what the client sends, which no parser has read before
	}
	if err != nil {
		status := http.StatusBadGateway
		var slow interface{ Timeout() bool }
		if errors.As(err, &slow) && slow.Timeout() {
			status = http.StatusGatewayTimeout
		}
		return nil, reply.NewError(status, "").WithCause(err)
	}
	header := pick(resp.Header, "Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Encoding",
		"Content-Language", "Content-Length", "Content-Range", "Content-Type", "Etag", "Expires",
		"Last-Modified", "Retry-After", "Vary")
	// A page of the upstream is now on our origin. A browser that opens it must not
	// run its scripts with our cookies.
	header.Set("Content-Security-Policy", "sandbox")
	header.Set("X-Content-Type-Options", "nosniff")
	switch status := resp.StatusCode; {
	case status >= 500, status < 200:
		err = fmt.Errorf("upstream: answered %s", resp.Status)
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired:
		// The key is ours, so it is a server error.
		err = fmt.Errorf("upstream: does not accept the key: %s", resp.Status)
	case resp.Header.Get("Location") != "":
		var location string
		location, err = m.location(r, resp.Header.Get("Location"))
		header.Set("Location", location)
	}
	if err != nil {
		resp.Body.Close()
		return nil, reply.NewError(http.StatusBadGateway, "").WithCause(err)
	}
	// Our own response has no trailers: those of the upstream are set on the original
	// one when its body ends.
	return &http.Response{
		Status: resp.Status, StatusCode: resp.StatusCode,
		Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
		Header: header, Body: resp.Body, ContentLength: resp.ContentLength, Request: r,
	}, nil
}

// location translates a redirect of the upstream to a path of this service. Any other
// redirect would reveal the upstream.
func (m masked) location(r *http.Request, target string) (string, error) {
	u, err := r.URL.Parse(target)
	if err != nil {
		return "", fmt.Errorf("upstream: redirects to no URL: %w", err)
	}
	rest, ok := strings.CutPrefix(u.EscapedPath(), strings.TrimSuffix(m.base.EscapedPath(), "/"))
	if !ok || u.Scheme != m.base.Scheme || u.Host != m.base.Host {
		return "", fmt.Errorf("upstream: redirects elsewhere: %s", target)
	}
	path, err := translate(m.here, rest)
	if err != nil {
		return "", fmt.Errorf("upstream: redirects to what is not listed: %s", target)
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, nil
}

// silent is a context without values. ReverseProxy uses a value for responses such as
// 103 Early Hints, passes on all their fields, and then clears the header, including
// what outer layers have set.
type silent struct{ context.Context }

func (silent) Value(any) any { return nil }
