// Package bench compares the pieces of the kit with the libraries that Go services
// use for the same work. It is a separate module, so that none of them becomes a
// dependency of the kit.
//
//	go run ./cmd/report -quick      a first look, in five minutes
//	go run ./cmd/report             results.json, and from it results.md, targets.md and charts
//	go run ./cmd/report -run cache  one suite again
//	go run ./cmd/report -render     the pages and charts again, from results.json
//	go test -bench . ./...          the same work for benchstat
//	go run ./cmd/compare -base main the cost of a change: old and new in turns
//
// There is a package for each package of the kit, with a file for each rival.
// Package service measures a complete service end to end, in separate processes.
//
// # Rules
//
//   - Each comparison is stated once: the report, the benchmarks, and the test
//     of the responses run the same code.
//   - Each rival is checked before it is timed: its response has to be the same
//     as that of all others. A rival that cannot do the work, or does it
//     differently, is named with the reason and not timed.
//   - All do the same work: the same routes, the same document decoded into the
//     same struct and validated by the same rules, the same limits. If a rival
//     does less, or needs a different request, the text of the suite says so.
//   - Each iteration has a fresh request: what a layer stores on a request costs
//     every time, as in a server.
//   - After a warm-up the contenders take turns, in another order in each round,
//     in one process. A ratio is that of two turns of the same round; the report
//     has the median of all rounds and the interquartile range. Times are
//     medians too.
//   - Allocations are counted after the rounds, with garbage collection off.
//   - The versions are those in the build. Validator is pinned to the last one
//     that does not box every field, for all contenders alike.
//   - Each chart has the losses of the kit, and all of them are listed. Every sample is
//     kept in results.json.
package bench
