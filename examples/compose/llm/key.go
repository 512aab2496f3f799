package llm

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// A Key is a secret that is never printed. It is behind a pointer, because fmt does
// not call the methods below for a Key in an unexported field.
type Key struct{ secret *string }

// KeyFromEnv reads the key from the environment. Call it once at startup, so that a
// missing key fails then, and not on the first request.
func KeyFromEnv(name string) (Key, error) {
	secret := strings.TrimSpace(os.Getenv(name))
	if secret == "" {
		return Key{}, fmt.Errorf("llm: the environment variable %s is not set", name)
	}
	return Key{&secret}, nil
}

// String hides the key, like GoString, LogValue and MarshalText, from fmt, slog and json.
func (Key) String() string               { return "[key]" }
func (Key) GoString() string             { return "[key]" }
func (Key) LogValue() slog.Value         { return slog.StringValue("[key]") }
func (Key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }
