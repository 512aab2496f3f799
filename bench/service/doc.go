// Package service measures a complete service, over connections: the same small one
// on net/http alone, with the chain of the kit around it, and on chi, echo, gin and
// fiber. It decodes and validates a JSON body, responds to a GET with a path
// parameter, sends a page of 4 KB, and sends events.
//
//	go run ./service/cmd
//	go run ./service/cmd -group 'same promises'
//
// There are four groups: the libraries as documented; with equal promises, which are
// those that all of them make; with the same promises, which are those of the kit,
// brought to the others by public means; and the kit without one promise at a time.
//
// What makes the figures comparable:
//
//   - Each library has a file with the service as in its documentation: its own
//     middleware, binding and rendering if it has them. All decode into the same
//     struct, with the same version of the same validator, encoding/json and
//     limits, and all declare the length of the page. A test compares their
//     responses, including those to bad input, except the spelling of
//     Content-Type, the line break after JSON, and the ETag and nosniff that the
//     kit adds. Promises of the kit that a library does not make are listed with
//     it, and a test shows the timeouts, the panics, the streams that fail in the
//     middle, the ETags and nosniff, in each group.
//   - Each server is a separate process of the same program, with one processor
//     (GOMAXPROCS) and the default garbage collection. The load comes from the
//     process that started it, over loopback.
//   - The measure is the CPU time of the server process, user and system, as
//     the system accounts for it: the load competes for the machine, but is not
//     in the figure. A figure per CPU second is one per second and core.
//   - The servers take turns, in another order in each round, after a warm-up
//     in each turn. A ratio is one of two turns of the same round; the tables
//     have the median of all rounds and the quartiles.
//   - Each byte of each body is compared with that of the first response, which
//     was compared with the expected one. A single difference, or a single line
//     in the log of a server, fails the run.
//   - Throughput has a closed loop: each connection sends a request after the
//     last response. Latency does not: requests are due at a steady rate, which
//     leaves a server idle most of the time, and the clock of each starts when
//     it is due, whether or not a connection is free.
//   - Memory is that of a new process, after a garbage collection, for a number
//     of additional open connections. Kernel memory is not included.
//
// BenchmarkMem has the same services and requests without sockets and processes,
// for a profile, and for differences that the kernel's share would hide.
//
// It needs a Unix, whose getrusage it reads; what is resident is read from
// /proc, and 0 where there is none.
package service
