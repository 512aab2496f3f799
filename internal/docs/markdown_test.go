package docs_test

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

// A fence is a block of code in a page, with its first line number.
type fence struct {
	line     int
	language string
	text     string
}

// root is the root of the module, relative to here.
const root = "../.."

// A page is a Markdown file at the root, in docs or next to adapters or examples: its code, and its
// lines without it.
type page struct {
	name   string // below the root
	fences []fence
	prose  []string
}

func markdownPages(t *testing.T) (pages []page) {
	t.Helper()
	names := filesAt(t, "*.md", "docs/*.md", "adapters/README.md", "examples/*/README.md")
	if len(names) < 5 {
		t.Fatalf("%d pages", len(names))
	}
	for _, name := range names {
		p := page{name: name}
		var open *fence
		for i, line := range strings.Split(readFile(t, name), "\n") {
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

// filesAt returns the names of the files that match one of the patterns, below the root.
func filesAt(t *testing.T, patterns ...string) (names []string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, filepath.ToSlash(name))
		}
	}
	return names
}

// readFile returns the text of a file below the root.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMarkdownGo: every Go block is part of an example with an Output comment, or of a
// method that it needs, line for line. So it compiles, and does what the example shows.
// A page outside the root may instead show part of an example package that has tests.
func TestMarkdownGo(t *testing.T) {
	bodies := exampleBodies(t)
	recipes := recipeFiles(t)
	shown := make(map[string]bool)
	blocks := 0
	for _, p := range markdownPages(t) {
		for _, f := range p.fences {
			switch f.language {
			case "go":
			case "", "console", "js", "mermaid", "ts":
				continue // commands, Next.js, and pictures
			case "caddyfile", "nginx":
				continue // the configuration of proxies
			case "diff":
				continue // TestTourDiffs
			default:
				t.Errorf("%s:%d: a block of %q: is it go, js, ts, console or mermaid?", p.name, f.line, f.language)
				continue
			}
			if strings.HasPrefix(f.text, "package ") {
				continue // TestReadmePrograms
			}
			blocks++
			lines := strings.Split(strings.TrimSuffix(f.text, "\n"), "\n")
			found := path.Dir(p.name) != "." && slices.ContainsFunc(recipes, func(recipe []string) bool { return containsLines(recipe, lines) })
			for name, parts := range bodies {
				for _, part := range parts {
					if containsLines(part, lines) {
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

// recipeFiles returns the lines of each Go file of the packages below examples that
// have tests.
func recipeFiles(t *testing.T) (files [][]string) {
	t.Helper()
	for _, pattern := range []string{"examples/*/", "examples/*/*/"} {
		for _, name := range filesAt(t, pattern+"*.go") {
			if len(filesAt(t, path.Dir(name)+"/*_test.go")) > 0 {
				files = append(files, strings.Split(readFile(t, name), "\n"))
			}
		}
	}
	return files
}

// exampleBodies returns the lines of the tested examples of the root and of
// examples/nextjs, and of the methods that they need, which cannot be declared in them.
func exampleBodies(t *testing.T) map[string][][]string {
	t.Helper()
	bodies := make(map[string][][]string)
	for _, name := range filesAt(t, "*_test.go", "examples/gallery/*_test.go", "examples/nextjs/*_test.go") {
		source := readFile(t, name)
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
			bodies[path.Dir(name)+" Example"+example.Name] = append(methodsOf(set, file, source, body), strings.Split(body, "\n"))
		}
	}
	return bodies
}

// methodsOf returns the lines of each method in the file whose type the body of an
// example names.
func methodsOf(set *token.FileSet, file *ast.File, source, body string) (methods [][]string) {
	for _, decl := range file.Decls {
		method, ok := decl.(*ast.FuncDecl)
		if !ok || method.Recv == nil {
			continue
		}
		receiver := source[set.Position(method.Recv.List[0].Type.Pos()).Offset:set.Position(method.Recv.List[0].Type.End()).Offset]
		if strings.Contains(body, strings.TrimPrefix(receiver, "*")) {
			text := source[set.Position(method.Pos()).Offset:set.Position(method.End()).Offset]
			methods = append(methods, strings.Split(text, "\n"))
		}
	}
	return methods
}

// containsLines reports whether block is a run of lines of body, ignoring the
// indentation of its first line.
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

// TestMarkdownNames: text in code style that begins with the name of a package of this
// module is a name that the package exports.
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

// exportedNames returns the names of each package, with methods and fields after their
// type, as the policies record them.
func exportedNames(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := make(map[string]map[string]bool)
	for _, file := range filesAt(t, "internal/policy/testdata/api/*.txt") {
		names := make(map[string]bool)
		for line := range strings.Lines(readFile(t, file)) {
			switch m := apiLine.FindStringSubmatch(line); {
			case m == nil:
				t.Errorf("%s: what is %q?", file, line)
			case m[1] != "":
				names[m[1]+"."+m[2]] = true
			case m[3] != "":
				names[m[2]+"."+m[3]] = true
			default:
				names[m[2]] = true
			}
		}
		dirs := strings.Split(strings.TrimSuffix(path.Base(file), ".txt"), "_")
		all[dirs[len(dirs)-1]] = names
	}
	return all
}

// TestMarkdownLinks: links within the repository lead to existing files and headings.
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
				} else {
					target = path.Join(path.Dir(p.name), target)
				}
				where := fmt.Sprintf("%s:%d: %s", p.name, i+1, m[1])
				if _, err := os.Stat(filepath.Join(root, target)); err != nil {
					t.Errorf("%s: %v", where, err)
				}
				if within && !slices.Contains(anchors[target], heading) {
					t.Errorf("%s: %s has no such heading", where, target)
				}
			}
		}
	}
}

// anchor is the fragment that GitHub generates for a heading.
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
