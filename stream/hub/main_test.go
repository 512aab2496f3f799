package hub_test

import (
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
