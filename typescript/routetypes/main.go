// Command routetypes writes the types of a service's routes as TypeScript, for
// projects that prefer a command to a test.
//
//	go run github.com/apiece/apiece/typescript/routetypes@latest [-o FILE] [-types-only] PACKAGE.FUNC
//
// FUNC is a function without parameters that returns the routes: a
// *pattern.Handler or a middleware around it, or a map[string]http.Handler with
// patterns of http.ServeMux, and optionally an error:
//
//	routetypes -o web/lib/api.ts ./internal/web.Routes
//
// The command runs the function, which should make handlers and not open
// connections. It compiles a program that calls it in the module of the current
// directory, and writes nothing there but FILE. A package main cannot be
// imported: use a test with typescript.Check there, or move the routes to a package
// such as internal/web, for which nextroutes -go has the flag -package.
//
// The exit code is 1 if the command cannot get the routes, and 2 if the command
// line is wrong.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) (code int) {
	flags := flag.NewFlagSet("routetypes", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: routetypes [-o FILE] [-types-only] PACKAGE.FUNC")
		flags.PrintDefaults()
	}
	file := flags.String("o", "", "the file to write; standard output if absent")
	typesOnly := flags.Bool("types-only", false, "leave out the client")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	dot := strings.LastIndexByte(flags.Arg(0), '.')
	wrong := ""
	switch {
	case flags.NArg() != 1:
		wrong = fmt.Sprintf("want one function, got %d arguments", flags.NArg())
	case dot < 0 || !isExported(flags.Arg(0)[dot+1:]):
		wrong = fmt.Sprintf("%q does not end in the name of an exported function, such as .Routes", flags.Arg(0))
	case dot == 0:
		wrong = fmt.Sprintf("%q names no package; the one of this folder is %q", flags.Arg(0), "."+flags.Arg(0))
	}
	if wrong != "" {
		fmt.Fprintf(stderr, "routetypes: %s\n", wrong)
		flags.Usage()
		return 2
	}
	text, err := generate(flags.Arg(0)[:dot], flags.Arg(0)[dot+1:], *typesOnly, *file)
	if err == nil && *file != "" {
		err = os.WriteFile(*file, text, 0o644)
	} else if err == nil {
		_, err = stdout.Write(text)
	}
	if err != nil {
		fmt.Fprintf(stderr, "routetypes: %v\n", err)
		return 1
	}
	return 0
}

func isExported(name string) bool {
	return name != "" && name[0] >= 'A' && name[0] <= 'Z' && strings.Trim(name, letters) == ""
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

const program = `package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/apiece/apiece/typescript"
	target %q
)

func main() {
	err := write(target.%s())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(routes any, errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	var h http.Handler
	switch v := routes.(type) {
	case http.Handler:
		h = v
	case map[string]http.Handler:
		h = typescript.ServeMux(v)
	default:
		return fmt.Errorf("the function returns a %%T; want an http.Handler or a map[string]http.Handler", routes)
	}
	return typescript.Write(os.Stdout, h, typescript.Config{Command: %q, TypesOnly: %t})
}
`

// generate runs a program that is in no file of the project: an overlay
// provides it to the go command.
func generate(pkg, function string, typesOnly bool, file string) ([]byte, error) {
	found, err := output("go", "list", "-f", "{{.ImportPath}}\n{{.Name}}\n{{.Dir}}", "--", pkg)
	if err != nil {
		return nil, err
	}
	about := strings.Split(strings.TrimSpace(string(found)), "\n")
	if len(about) != 3 {
		return nil, fmt.Errorf("%s is not one package", pkg)
	}
	path, name, dir := about[0], about[1], about[2]
	if name == "main" {
		return nil, fmt.Errorf("%s is a program, which cannot be imported; keep a test with typescript.Check in it", pkg)
	}
	temp, err := os.MkdirTemp("", "routetypes")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	command := "routetypes " + pkg + "." + function
	if file != "" {
		command = "routetypes -o " + filepath.ToSlash(file) + " " + pkg + "." + function
	}
	source := filepath.Join(temp, "main.go")
	if err := os.WriteFile(source, fmt.Appendf(nil, program, path, function, command, typesOnly), 0o600); err != nil {
		return nil, err
	}
	virtual := filepath.Join(dir, "zz_routetypes")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(virtual, "main.go"): source}})
	if err != nil {
		return nil, err
	}
	list := filepath.Join(temp, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return nil, err
	}
	return output("go", "run", "-overlay", list, path+"/zz_routetypes")
}

// output runs a command and returns its output. Its standard error is the
// error.
func output(name string, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, args[0], err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), nil
}
