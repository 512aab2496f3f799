// Package cache needs a dependency that go.mod does not require.
//
// # Differences from Next.js
//
// None.
package cache

import _ "github.com/maypok86/otter/v2" // allowed
