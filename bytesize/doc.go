// Package bytesize writes and reads sizes such as "1mb" and "4.5mb", the way
// Next.js writes its limits.
//
// In code a size is a product, and the type keeps it apart from other numbers:
//
//	bodyparser.New(bodyparser.Config{Limit: 4 * bytesize.MB})
//
// In a file or a flag it is text. [Size] reads and writes itself there, through
// encoding/json, through anything that knows encoding.TextUnmarshaler, and
// through flag.TextVar:
//
//	{"limit": "4mb"}    {"limit": 4194304}    {"limit": false}
//
// What zero and the negative sizes mean is up to the setting that holds the
// size. In this module zero is the default of the setting, and a negative size,
// of which [Unlimited] is the one with a name, turns the limit off. A limit of
// no bytes at all can therefore not be said.
//
// # The text form
//
// A size is written as digits, optionally with a fraction, optionally spaces,
// and optionally a unit: b, kb, mb, gb, tb or pb, in either case, each 1024
// times the one before. No unit means bytes. The word "unlimited" is the size
// [Unlimited]. Nothing may stand before or after.
//
// Arithmetic is exact: a fraction of a kilobyte or more is rounded down to
// whole bytes, whatever its length, and no floating-point number is involved.
// Sizes above 2^53-1 bytes are refused, since the JavaScript that a
// configuration may come from or go to cannot hold them, unless they are
// written to the byte with the unit b. That exception lets every Size be
// written and read again.
//
// # Differences from Next.js
//
// Next.js hands its sizes to the npm package bytes. Every text that package
// reads as a whole means the same here. The rest is where a limit goes wrong
// quietly there and is an error here, a [SyntaxError] that says what to write:
//
//   - A text that is not understood as a whole counts for the digits it begins
//     with: "500k" is 500 bytes, "1MiB", " 1mb" and "1,000kb" are one byte,
//     "0x10" is none.
//   - A text without leading digits, ".5mb" or "mb", is not a number, and a
//     limit that is not a number holds nothing back.
//   - A negative size is a limit that nothing passes. Here it is refused as
//     text and means no limit as a number; the word for it is "unlimited".
//   - Fractions of a byte, "1.5", lose their fraction.
//
// The text form differs too. Next.js repeats a limit as it was configured, and
// npm formats to two decimals; [Size.String] is exact, in lower case, and can
// be parsed again.
package bytesize
