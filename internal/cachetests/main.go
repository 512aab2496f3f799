// Command cachetests runs the public test suite for HTTP caches,
// https://github.com/http-tests/cache-tests, against package cache as a reverse proxy:
//
//	client of the suite -> cache.Middleware -> httputil.ReverseProxy -> origin of the suite
//
// It writes the result of each test to results.json and the table in README.md. It
// needs git, node and npm, and does not run in CI: "make cache-tests" runs it, in about
// a minute. With -id it runs one test and prints its messages.
//
// This is a separate module because it joins the cache with code around it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	source := flag.String("source", "https://github.com/http-tests/cache-tests", "the git `repository` of the suite")
	id := flag.String("id", "", "run this `test` alone, and print its requests and responses")
	out := flag.String("out", ".", "the `directory` of results.json and README.md")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *source, *id, *out); err != nil {
		log.Fatal("cachetests: ", err)
	}
}

func run(ctx context.Context, source, id, out string) error {
	suite, err := checkOut(ctx, source)
	if err != nil {
		return err
	}
	origin, stop, err := suite.serveOrigin(ctx)
	if err != nil {
		return err
	}
	defer stop()
	front, stop, err := serveCache(origin)
	if err != nil {
		return err
	}
	defer stop()
	if id != "" {
		return suite.runOne(ctx, front, id)
	}
	result, err := suite.runAll(ctx, front)
	if err != nil {
		return err
	}
	if err := result.write(filepath.Join(out, "results.json")); err != nil {
		return err
	}
	fmt.Print(result.table(), "\n", result.shortfalls())
	return result.describe(filepath.Join(out, "README.md"))
}
