// Package setting reads the numbers of a Config, whose zero value is the
// default and whose negative values switch something off.
package setting

import "cmp"

// Or returns the number that was set: normal in place of 0, and 0, which then
// stands for off, in place of a negative one.
func Or[T ~int | ~int64](set, normal T) T {
	return max(cmp.Or(set, normal), 0)
}
