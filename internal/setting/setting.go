// Package setting resolves the numbers of a Config: zero is the default, and negative
// disables.
package setting

import "cmp"

// Or returns the value of a setting: normal for 0, 0 for a negative value (disabled),
// else the value itself.
func Or[T ~int | ~int64](set, normal T) T {
	return max(cmp.Or(set, normal), 0)
}
