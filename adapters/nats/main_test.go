package nats_test

import (
	"flag"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

var long = flag.Bool("long", false, "run the failure tests for as long as the figures in the package comment were taken")

func TestMain(m *testing.M) {
	flag.Parse()
	testkit.Main(m)
}
