package service

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"

	"github.com/apiece/apiece/reply"
)

//go:embed contact.go feed.go pages.go params.go posts.go service.go theme.go upload.go webhook.go
var files embed.FS

// repository is the URL of the files on the web.
const repository = "https://github.com/apiece/apiece/blob/main/examples/blog/service/"

// A declaration is a function of this package, as the page shows it.
type declaration struct {
	File string `json:"file"`
	Line int    `json:"line"`
	URL  string `json:"url"`
	Text string `json:"text"`
}

// declarations are the functions and types of the package by name.
var declarations = read()

func read() map[string]declaration {
	all := map[string]declaration{}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, entry.Name(), text, parser.ParseComments)
		if err != nil {
			panic(err) // impossible: this package was compiled
		}
		for _, d := range file.Decls {
			from, name := d.Pos(), ""
			switch d := d.(type) {
			case *ast.FuncDecl:
				name = d.Name.Name
			case *ast.GenDecl:
				if spec, ok := d.Specs[0].(*ast.TypeSpec); ok {
					name = spec.Name.Name
				}
			}
			if name == "" {
				continue
			}
			line := set.Position(from).Line
			all[name] = declaration{
				File: entry.Name(),
				Line: line,
				URL:  repository + entry.Name() + "#L" + strconv.Itoa(line),
				Text: string(text[set.Position(from).Offset:set.Position(d.End()).Offset]),
			}
		}
	}
	return all
}

// source serves GET /source/{name}: the Go code of the named functions and types,
// separated by commas, which the page shows beside its buttons.
func source(w http.ResponseWriter, r *http.Request) error {
	var found []declaration
	for name := range strings.SplitSeq(r.PathValue("name"), ",") {
		d, ok := declarations[name]
		if !ok {
			return reply.NewError(http.StatusNotFound, "No such function")
		}
		found = append(found, d)
	}
	return reply.JSON(w, r, http.StatusOK, found)
}
