// Package oidc accepts the tokens of an identity provider, Auth0 or Firebase or
// one's own, in the guard of package auth.
//
// go-oidc fetches the public keys of the provider, keeps them, looks for new
// ones when a token names a key that it does not know, and checks signature,
// issuer, audience and time. The guard and the kit answer: 401 for a token that
// is not good, and 503 when nobody can tell because the keys cannot be had.
// That is neither a reason to let the request in nor to send the user away.
//
// A token that no known key has signed, with any key id, makes the service ask
// the provider, once for all that come meanwhile. So package ratelimit belongs in
// front.
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

// New returns a Provider. The keys are at jwksURL, the jwks_uri of the
// provider, and are fetched for the first token rather than here, so that the
// service starts without the provider. A nil client is one that waits for five
// seconds.
func New(issuer, audience, jwksURL string, client *http.Client) *Provider {
	if client == nil {
		client = &http.Client{Timeout: 5 * time.Second} // http.DefaultClient waits for ever
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

// A keyFault is why the keys could not be had. The verifier turns every error
// of its key set into text, so it goes by the context.
type keyFault struct{ error }

// keySet sets the fault. A RemoteKeySet wraps the error of a fetch, and makes
// one of its own for a signature that no key fits.
type keySet struct{ remote oidc.KeySet }

func (k keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	if errors.Unwrap(err) != nil {
		ctx.Value(keyFault{}).(*keyFault).error = err
	}
	return payload, err
}
