package auth

import (
	"context"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Tokens signs and verifies tokens of this service, with HS256.
type Tokens struct {
	key      []byte
	issuer   string
	lifetime time.Duration
	parser   *jwt.Parser
}

// NewTokens returns Tokens with a secret key of 32 bytes or more. The issuer, the URL
// of the service, is also the audience.
func NewTokens(key []byte, issuer string, lifetime time.Duration) *Tokens {
	if len(key) < 32 {
		panic("auth: a key of less than 32 bytes can be guessed")
	}
	return &Tokens{key: key, issuer: issuer, lifetime: lifetime, parser: jwt.NewParser(
		// Without it the token would choose the algorithm: "none", or one that uses a
		// public key as the secret.
		jwt.WithValidMethods([]string{"HS256"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(issuer), // the key may sign tokens for others too
		jwt.WithExpirationRequired(),
	)}
}

// Verify is for [Require].
func (t *Tokens) Verify(_ context.Context, token string) (User, error) {
	var claims jwt.RegisteredClaims
	_, err := t.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return t.key, nil })
	if err == nil && claims.Subject == "" {
		err = errors.New("auth: the token names no user")
	}
	return User{ID: claims.Subject}, err
}

// Issue returns a token for the user.
func (t *Tokens) Issue(u User) (string, error) {
	now := time.Now()
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject:   u.ID,
		Issuer:    t.issuer,
		Audience:  jwt.ClaimStrings{t.issuer},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(t.lifetime)),
	}).SignedString(t.key)
}
