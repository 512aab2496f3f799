// Package bench measures the pieces of the kit beside the libraries that Go
// services use for the same work. It is a module of its own, so that none of
// them becomes a dependency of the kit.
//
//	go run ./cmd/report -quick      a first look, in five minutes
//	go run ./cmd/report             results.md, results.json and charts
//	go run ./cmd/report -run cache  one suite again
//	go run ./cmd/report -render     results.md and charts from results.json
//	go test -bench . ./...          the same work for benchstat
//	go run ./cmd/compare -base main what a change costs: old and new in turns
//
// There is a package for each package of the kit, and in it a file for each
// rival. Package service measures a whole service end to end, in processes of
// its own.
//
// # Rules
//
//   - What is compared is stated once, and is the same code for the report, for
//     the benchmarks, and for the test that everybody answers rightly.
//   - Each rival is asked before it is timed, and its answer has to be the one
//     that all others give. Whoever cannot do the work, or does it otherwise,
//     is named with the reason and not timed.
//   - All do the same: the same routes, the same document decoded into the same
//     struct and checked by the same rules, the same limits. Where a rival does
//     less, or has to be asked in another way, the text of the suite says so.
//   - Each iteration has a fresh request: what a layer leaves on a request is
//     paid for every time, as in a server.
//   - After a warm-up the contenders take turns, in another order in each round,
//     in one process. A ratio is that of two turns of the same round; what is
//     shown is the median of all rounds, and where the middle half of them is.
//     Times are medians too.
//   - Allocations are counted behind the rounds, with the collector held off.
//   - The versions are those in the build. Validator is held at the last one
//     that does not box every field, for all contenders alike.
//   - Losses come first, and every sample is kept in results.json.
package bench
