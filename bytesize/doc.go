// Package bytesize parses and formats sizes such as "1mb" and "4.5mb", as in
// the limits of Next.js.
//
// In code a size is a product, and the type distinguishes it from other
// numbers:
//
//	bodyparser.New(bodyparser.Config{Limit: 4 * bytesize.MB})
//
// In a file or a flag it is text. [Size] works with encoding/json, with
// anything that supports encoding.TextUnmarshaler, and with flag.TextVar:
//
//	{"limit": "4mb"}    {"limit": 4194304}    {"limit": false}
//
// The setting that holds the size defines zero and negative sizes. In this
// module zero is the default of the setting, and a negative size, such as
// [Unlimited], disables the limit. A limit of zero bytes therefore cannot be
// set.
//
// # The text form
//
// A size is written as digits, optionally with a fraction, optionally spaces,
// and optionally a unit: b, kb, mb, gb, tb or pb, in either case, each 1024
// times the one before. No unit means bytes. The word "unlimited" is the size
// [Unlimited]. Nothing may precede or follow.
//
// Arithmetic is exact: a fraction of a kilobyte or more is rounded down to
// whole bytes, however long it is, without floating-point numbers. Sizes above
// 2^53-1 bytes are refused, since JavaScript, which may share the
// configuration, cannot hold them, unless they are written in bytes with the
// unit b. With that exception every Size can be written and read again.
//
// # Differences from Next.js
//
// Next.js hands its sizes to the npm package bytes. Every text that this
// package reads as a whole means the same here. In the other cases the limit is
// silently wrong there, and a [SyntaxError] here, which says what to write:
//
//   - Next.js reads a text that is not valid as a whole by its leading digits:
//     "500k" is 500 bytes, "1MiB", " 1mb" and "1,000kb" are one byte, "0x10" is
//     none.
//   - A text without leading digits, ".5mb" or "mb", is not a number, and a limit
//     that is not a number limits nothing.
//   - A negative size is a limit that every body exceeds. Here it is refused as
//     text and means no limit as a number; write "unlimited".
//   - Fractions of a byte, "1.5", lose their fraction.
//
// The output differs too. Next.js repeats a limit as configured, and
// npm formats to two decimals; [Size.String] is exact, in lower case, and can
// be parsed again.
package bytesize
