// Package oidc accepts tokens of an OpenID Connect identity provider, such as Auth0
// or Firebase, in the guard of package auth.
//
// go-oidc fetches and caches the public keys of the provider, fetches again when a
// token names an unknown key, and checks signature, issuer, audience and time. The
// guard and the kit respond: 401 for an invalid token, and 503 if the keys cannot be
// fetched, since then the token is neither valid nor invalid.
//
// A token that no known key has signed, with any key id, causes a request to the
// provider, one at a time. So put package ratelimit in front.
package oidc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/apiece/apiece/examples/compose/auth"
	"github.com/apiece/apiece/reply"
)

// A Provider verifies the tokens of one issuer for one audience.
type Provider struct{ verifier *oidc.IDTokenVerifier }

// New returns a Provider. The keys are at jwksURL, the jwks_uri of the provider. They
// are fetched for the first token, so that the service starts without the provider. A
// nil client has a timeout of five seconds.
func New(issuer, audience, jwksURL string, client *http.Client) *Provider {
	if client == nil {
		client = &http.Client{Timeout: 5 * time.Second} // http.DefaultClient has no timeout
	}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), client), jwksURL)
	return &Provider{oidc.NewVerifier(issuer, keySet{keys}, &oidc.Config{
		ClientID:             audience,
		SupportedSigningAlgs: []string{oidc.RS256},
	})}
}

// Verify is for [auth.Require].
func (p *Provider) Verify(ctx context.Context, token string) (auth.User, error) {
	var fault keyFault
	id, err := p.verifier.Verify(context.WithValue(ctx, keyFault{}, &fault), token)
	switch {
	case fault.error != nil:
		return auth.User{}, reply.NewError(http.StatusServiceUnavailable, "Cannot verify tokens at the moment").
			WithCause(fault.error).WithHeader("Retry-After", "5")
	case err == nil && id.Subject == "":
		err = errors.New("oidc: the token names no user")
	}
	if err != nil {
		return auth.User{}, err
	}
	return auth.User{ID: id.Subject}, nil
}

// A keyFault is why the keys could not be fetched. The verifier turns every error of
// its key set into text, so the error is passed in the context.
type keyFault struct{ error }

// keySet sets the fault. A RemoteKeySet wraps the error of a fetch, and returns its
// own for a signature that matches no key.
type keySet struct{ remote oidc.KeySet }

func (k keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	if errors.Unwrap(err) != nil {
		ctx.Value(keyFault{}).(*keyFault).error = err
	}
	return payload, err
}
