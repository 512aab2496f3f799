// Package hostile holds a whole service against clients that mean it harm.
//
// It has no code, only tests. They build one service out of every piece, start
// it in a process of its own, and send it what attackers send: bodies that are
// too large, too slow, too deep or not whole, bytes that are no HTTP, redirects
// off the site, clients that never read. A case passes if the answer is the
// right one, byte for byte, and if nothing of it is left behind it: the process
// lives and serves an honest client, its memory stayed within a bound, and its
// goroutines, descriptors and temporary files are back to what they were.
//
// The list is run over HTTP/1.1 and, as far as it is not about the bytes of
// HTTP/1.1, over HTTP/2; with -long also over HTTP/1.1 with GOMEMLIMIT=64MiB. Some of it is run
// against handlers written without the kit as well, where it has to find what
// is wrong with them: a suite that cannot fail proves nothing.
//
// TestSoak mixes attacks into honest traffic, for as long as -soak says.
package hostile
