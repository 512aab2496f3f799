package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/apiece/apiece/reply"
)

// masked is the transport of the proxy. It hands on of an answer what may be
// seen of it, and takes an answer that may not be seen for a failure.
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
	// What was a page of theirs is one of our origin now. A browser that opens it
	// must not run it, with the cookies of ours.
	header.Set("Content-Security-Policy", "sandbox")
	header.Set("X-Content-Type-Options", "nosniff")
	switch status := resp.StatusCode; {
	case status >= 500, status < 200:
		err = fmt.Errorf("upstream: answered %s", resp.Status)
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired:
		// The key is ours, and so is the fault.
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
	// A response of our own has no trailers: those of the upstream are set on
	// the other one when its body ends.
	return &http.Response{
		Status: resp.Status, StatusCode: resp.StatusCode,
		Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
		Header: header, Body: resp.Body, ContentLength: resp.ContentLength, Request: r,
	}, nil
}

// location leads a redirect of the upstream back to a path of this service. One
// to anywhere else would show where it comes from.
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

// silent is a context without values. ReverseProxy finds out about answers like
// 103 Early Hints by one of them and passes on all fields that they have; and
// then it clears the header, of what layers outside have set as well.
type silent struct{ context.Context }

func (silent) Value(any) any { return nil }
