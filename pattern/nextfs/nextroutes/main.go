// Command nextroutes prints the API routes of a Next.js project.
//
//	go run github.com/apiece/apiece/pattern/nextfs/nextroutes@latest [-go [-package NAME] | -json] [-ext tsx,ts,jsx,js] DIR
//
// DIR is the root of the project, with next.config.js. The table lists the
// routes in order of precedence, with their methods and files:
//
//	ROUTE            METHODS    FILE
//	/api/post/[pid]  any        pages/api/post/[pid].ts
//	/api/todos       GET, POST  app/api/todos/route.ts
//	/api/users       DELETE, ?  app/api/users/route.ts (export * from "@/lib/crud")
//
// A file of pages/api accepts any method. A question mark stands for methods
// that the file does not name. With -json the routes are an array of objects,
// whose "methods" are null for "any"; "config" are the settings of the file by
// their names in Next.js, and "configUnknown" those that cannot be read.
//
// With -go it prints a Go file to start a port with: a map of the routes, each with
// the proxy to Next.js as its handler, by method where the file names methods. For
// the settings of a file it prints the equivalent middleware.Config. What cannot be
// read, or has no equivalent, is a comment with the reason. The file is of package
// main unless -package names another, such as web for the folder internal/web.
//
// Errors in the project are written to standard error, with exit code 1. The
// exit code is 2 if the command line is wrong.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/apiece/apiece/pattern/nextfs"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) (code int) {
	flags := flag.NewFlagSet("nextroutes", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: nextroutes [-go [-package NAME] | -json] [-ext tsx,ts,jsx,js] DIR")
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print JSON")
	asGo := flags.Bool("go", false, "print a Go file")
	pkg := flags.String("package", "main", "the package of the Go file")
	ext := flags.String("ext", "tsx,ts,jsx,js", "the option pageExtensions of the project, separated by commas")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() != 1, *ext == "", *asGo && *asJSON, !token.IsIdentifier(*pkg):
		flags.Usage()
		return 2
	}

	extensions := strings.Split(*ext, ",")
	for i, e := range extensions {
		extensions[i] = strings.TrimSpace(e)
	}
	if info, err := os.Stat(flags.Arg(0)); err != nil || !info.IsDir() {
		fmt.Fprintf(stderr, "nextroutes: %s is no directory\n", flags.Arg(0))
		return 1
	}
	routes, err := nextfs.Scan(os.DirFS(flags.Arg(0)), extensions...)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, err)
		code = 1
	case len(routes) == 0:
		fmt.Fprintf(stderr, "nextroutes: %s has no API routes\n", flags.Arg(0))
	}
	write := writeTable
	switch {
	case *asJSON:
		write = writeJSON
	case *asGo:
		write = func(w io.Writer, routes []nextfs.Route) error { return writeGo(w, *pkg, routes) }
	}
	if err := write(stdout, routes); err != nil {
		fmt.Fprintln(stderr, "nextroutes:", err)
		code = 1
	}
	return code
}

func writeTable(w io.Writer, routes []nextfs.Route) error {
	if len(routes) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROUTE\tMETHODS\tFILE")
	for _, r := range routes {
		methods, file := r.Methods, r.File
		switch {
		case r.Pages:
			methods = []string{"any"}
		case r.Unknown != "":
			methods = append(methods, "?")
			file += " (" + r.Unknown + ")"
		case len(methods) == 0:
			methods = []string{"none"}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.Pattern, strings.Join(methods, ", "), file)
	}
	return table.Flush()
}

func writeJSON(w io.Writer, routes []nextfs.Route) error {
	type route struct {
		Route   string            `json:"route"`
		File    string            `json:"file"`
		Methods []string          `json:"methods"`
		Unknown string            `json:"unknown,omitempty"`
		Config  map[string]any    `json:"config,omitempty"`
		Unread  map[string]string `json:"configUnknown,omitempty"`
	}
	list := make([]route, len(routes))
	for i, r := range routes {
		list[i] = route{r.Pattern.String(), r.File, r.Methods, r.Unknown, map[string]any{}, map[string]string{}}
		for _, s := range r.Config {
			if s.Unknown != "" {
				list[i].Unread[s.Name] = s.Unknown
			} else {
				list[i].Config[s.Name] = s.Value
			}
		}
		if r.Methods == nil && !r.Pages {
			list[i].Methods = []string{}
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(list)
}
