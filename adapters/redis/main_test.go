package redis_test

import (
	"flag"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

var long = flag.Bool("long", false, "run the failures over many more events")

func TestMain(m *testing.M) { testkit.Main(m) }
