package llm

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// A Key is a secret that does not get printed. It hides behind a pointer,
// because the methods below are not asked where a Key is an unexported field of
// what is printed.
type Key struct{ secret *string }

// KeyFromEnv reads the key from the environment. Call it once, when the service
// starts: one that is missing is found out then, and not by the first client.
func KeyFromEnv(name string) (Key, error) {
	secret := strings.TrimSpace(os.Getenv(name))
	if secret == "" {
		return Key{}, fmt.Errorf("llm: the environment variable %s is not set", name)
	}
	return Key{&secret}, nil
}

// String hides the key, as GoString, LogValue and MarshalText do: fmt, slog and
// json see nothing else.
func (Key) String() string               { return "[key]" }
func (Key) GoString() string             { return "[key]" }
func (Key) LogValue() slog.Value         { return slog.StringValue("[key]") }
func (Key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }
