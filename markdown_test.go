package apiece_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// What README.md, MIGRATING.md and the other pages say is held against the
// code: a Go block has to be part of an example that go test runs, a name in
// code style has to be exported, and a link has to lead somewhere.

// A fence is a block of code in a page, with the line it begins on.
type fence struct {
	line     int
	language string
	text     string
}

// A page is a Markdown file at the root: its code, and its lines without it.
type page struct {
	name   string
	fences []fence
	prose  []string
}

func markdownPages(t *testing.T) (pages []page) {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d pages, %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := page{name: name}
		var open *fence
		for i, line := range strings.Split(string(text), "\n") {
			language, mark := strings.CutPrefix(strings.TrimLeft(line, " "), "```")
			switch {
			case mark && open == nil:
				open = &fence{line: i + 1, language: language}
			case mark:
				p.fences = append(p.fences, *open)
				open = nil
			case open != nil:
				open.text += line + "\n"
			}
			if mark || open != nil {
				line = ""
			}
			p.prose = append(p.prose, line)
		}
		if open != nil {
			t.Errorf("%s:%d: the block has no end", name, open.line)
		}
		pages = append(pages, p)
	}
	return pages
}

// TestMarkdownGo: every Go block is a part of an example with an Output
// comment, or of a method that it needs, line for line. So it compiles, and it does what the example shows.
// The first program of the README is a command, and has a test of its own.
func TestMarkdownGo(t *testing.T) {
	bodies := exampleBodies(t)
	shown := make(map[string]bool)
	blocks := 0
	for _, p := range markdownPages(t) {
		for _, f := range p.fences {
			switch f.language {
			case "go":
			case "", "console", "js", "ts":
				continue // what one types, and Next.js
			default:
				t.Errorf("%s:%d: a block of %q: is it go, js, ts or console?", p.name, f.line, f.language)
				continue
			}
			if strings.HasPrefix(f.text, "package main\n") && p.name == "README.md" {
				continue
			}
			blocks++
			found := false
			for name, parts := range bodies {
				for _, part := range parts {
					if containsLines(part, strings.Split(strings.TrimSuffix(f.text, "\n"), "\n")) {
						found, shown[name] = true, true
					}
				}
			}
			if !found {
				t.Errorf("%s:%d: no example has these lines:\n%s", p.name, f.line, f.text)
			}
		}
	}
	for name := range bodies {
		if !shown[name] {
			t.Errorf("%s is on no page: show it in MIGRATING.md or README.md, or move it to the package it is about", name)
		}
	}
	t.Logf("%d blocks from %d examples", blocks, len(bodies))
}

// exampleBodies returns the lines of the examples of this package that are run
// and compared with their output, and of the methods that they need, which cannot
// stand in them.
func exampleBodies(t *testing.T) map[string][][]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	bodies := make(map[string][][]string)
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range doc.Examples(file) {
			if example.Output == "" && !example.EmptyOutput {
				t.Errorf("%s: Example%s is not run: it has no Output", name, example.Name)
				continue
			}
			block := example.Code.(*ast.BlockStmt)
			body := source[set.Position(block.Lbrace).Offset+1 : set.Position(block.Rbrace).Offset]
			bodies["Example"+example.Name] = append(methodsOf(set, file, source, string(body)), strings.Split(string(body), "\n"))
		}
	}
	return bodies
}

// methodsOf returns the lines of each method in the file whose type the body of an
// example names.
func methodsOf(set *token.FileSet, file *ast.File, source []byte, body string) (methods [][]string) {
	for _, decl := range file.Decls {
		method, ok := decl.(*ast.FuncDecl)
		if !ok || method.Recv == nil {
			continue
		}
		receiver := string(source[set.Position(method.Recv.List[0].Type.Pos()).Offset:set.Position(method.Recv.List[0].Type.End()).Offset])
		if strings.Contains(body, strings.TrimPrefix(receiver, "*")) {
			text := source[set.Position(method.Pos()).Offset:set.Position(method.End()).Offset]
			methods = append(methods, strings.Split(string(text), "\n"))
		}
	}
	return methods
}

// containsLines reports whether block is a run of the lines of body, without
// the indentation of the first of them.
func containsLines(body, block []string) bool {
	if len(block) == 0 || block[0] == "" {
		return false
	}
	for i := range body {
		if i+len(block) > len(body) {
			return false
		}
		indent := body[i][:len(body[i])-len(strings.TrimLeft(body[i], "\t"))]
		same := func(of, shown string) bool {
			return strings.TrimPrefix(of, indent) == shown && (of == "" || strings.HasPrefix(of, indent))
		}
		if slices.EqualFunc(body[i:i+len(block)], block, same) {
			return true
		}
	}
	return false
}

var (
	codeSpan = regexp.MustCompile("`[^`]+`")
	kitName  = regexp.MustCompile(`\b([a-z]+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// TestMarkdownNames: what is in code style and begins with the name of a
// package of the kit is a name that the package exports.
func TestMarkdownNames(t *testing.T) {
	names := exportedNames(t)
	seen := 0
	for _, p := range markdownPages(t) {
		for i, line := range p.prose {
			for _, span := range codeSpan.FindAllString(line, -1) {
				for _, m := range kitName.FindAllStringSubmatch(span, -1) {
					if names[m[1]] == nil {
						continue // http.Server
					}
					seen++
					if !names[m[1]][m[2]] || m[3] != "" && !names[m[1]][m[2]+"."+m[3]] {
						t.Errorf("%s:%d: package %s has no %s", p.name, i+1, m[1], strings.TrimPrefix(m[0], m[1]+"."))
					}
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("found %d names: is this still how pages spell them?", seen)
	}
}

// apiLine is a line of the recorded API: a function, a method or another name,
// and the field of a type.
var apiLine = regexp.MustCompile(`^(?:func|const|var|type) (?:\(\*?(\w+)[^)]*\) )?(\w+)(?:\[[^]]*\])?(?:, (\w+))?`)

// exportedNames returns the names of each package, those of methods and fields
// with their type in front.
func exportedNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := make(map[string]map[string]bool)
	for _, p := range loadPolicyTree(t, ".").packages {
		if !p.public() || p.path == "." {
			continue
		}
		names := make(map[string]bool)
		for _, line := range apiLines(p) {
			switch m := apiLine.FindStringSubmatch(line); {
			case m == nil:
				t.Errorf("%s: what is %q?", p.path, line)
			case m[1] != "":
				names[m[1]+"."+m[2]] = true
			case m[3] != "":
				names[m[2]+"."+m[3]] = true
			default:
				names[m[2]] = true
			}
		}
		all[p.files[0].Name.Name] = names
	}
	return all
}

// TestMarkdownLinks: links within the repository lead to files, and to
// headings, that are there.
func TestMarkdownLinks(t *testing.T) {
	pages := markdownPages(t)
	anchors := make(map[string][]string)
	for _, p := range pages {
		for _, line := range p.prose {
			if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
				anchors[p.name] = append(anchors[p.name], anchor(title))
			}
		}
	}
	for _, p := range pages {
		for i, line := range p.prose {
			for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, "code"), -1) {
				target, heading, within := strings.Cut(m[1], "#")
				if strings.Contains(target, "://") {
					continue
				}
				if target == "" {
					target = p.name
				}
				where := fmt.Sprintf("%s:%d: %s", p.name, i+1, m[1])
				if _, err := os.Stat(path.Clean(target)); err != nil {
					t.Errorf("%s: %v", where, err)
				}
				if within && !slices.Contains(anchors[target], heading) {
					t.Errorf("%s: %s has no such heading", where, target)
				}
			}
		}
	}
}

// anchor is what GitHub makes of a heading.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}
