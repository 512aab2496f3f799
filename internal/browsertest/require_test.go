package browsertest

import (
	"os"
	"strings"
	"testing"
	"time"
)

// required reports whether APIECE_REQUIRE names a requirement.
func required(what string) bool {
	return strings.Contains(os.Getenv("APIECE_REQUIRE"), what)
}

// missing skips or fails a test whose requirement is missing.
func missing(t *testing.T, what string, why error) {
	t.Helper()
	if required(what) {
		t.Fatalf("APIECE_REQUIRE names %s: %v", what, why)
	}
	t.Skipf("no %s; set APIECE_REQUIRE=%[1]s to fail instead: %v", what, why)
}

// patience is the timeout for steps that take seconds at most.
const patience = 2 * time.Minute
