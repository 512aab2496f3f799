package nats_test

import (
	"flag"
	"os"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

var long = flag.Bool("long", false, "run the failure tests in their long form")

func TestMain(m *testing.M) {
	if os.Getenv(processVariable) != "" {
		serveProcess()
	}
	flag.Parse()
	testkit.Main(m)
}
