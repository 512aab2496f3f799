package installtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRelease: the root is tagged in place, the other modules that users import on a
// branch where they require that version, and the repository stays on its branch.
func TestRelease(t *testing.T) {
	repo := newRepository(t)
	replaced := repo.read(t, "adapters/redis/go.mod")
	repo.run(t, "make", "release", "VERSION="+version)

	rev := func(name string) string { return strings.TrimSpace(repo.run(t, "git", "rev-parse", name)) }
	if tagged := rev(version + "^{commit}"); tagged != rev("main") {
		t.Errorf("%s is at %s, main at %s", version, tagged, rev("main"))
	}
	branch := "release/" + version
	if parent := rev(branch + "~"); parent != rev("main") {
		t.Errorf("%s is made from %s, main is at %s", branch, parent, rev("main"))
	}
	want := []string{"refs/heads/main", "refs/heads/" + branch, "refs/tags/" + version}
	adapters, err := filepath.Glob(root + "/adapters/*/go.mod")
	if err != nil || len(adapters) == 0 {
		t.Fatalf("%d adapters, %v", len(adapters), err)
	}
	for _, file := range adapters {
		dir := "adapters/" + filepath.Base(filepath.Dir(file))
		tag := dir + "/" + version
		want = append(want, "refs/tags/"+tag)
		if rev(tag+"^{commit}") != rev(branch) {
			t.Errorf("%s is not at %s", tag, branch)
		}
		gomod := repo.run(t, "git", "show", tag+":"+dir+"/go.mod")
		if !strings.Contains(gomod, module+" "+version+"\n") || strings.Contains(gomod, "replace") {
			t.Errorf("%s/go.mod of %s:\n%s", dir, tag, gomod)
		}
		gosum := repo.run(t, "git", "show", tag+":"+dir+"/go.sum")
		if strings.Count(gosum, module+" "+version) != 2 {
			t.Errorf("%s/go.sum of %s lacks the root:\n%s", dir, tag, gosum)
		}
	}
	refs := repo.refs(t)
	for _, ref := range want {
		if !strings.Contains(refs, ref+" ") {
			t.Errorf("no %s", ref)
		}
	}
	if got := strings.Count(refs, "\n"); got != len(want) {
		t.Errorf("%d refs, want %q:\n%s", got, want, refs)
	}
	if head := repo.run(t, "git", "symbolic-ref", "HEAD"); head != "refs/heads/main\n" {
		t.Errorf("the repository is on %s", head)
	}
	if repo.read(t, "adapters/redis/go.mod") != replaced {
		t.Error("the release changed the working tree")
	}
	checkTidy(t, repo)
}

// TestReleaseRefused: a release that fails says why, and leaves the repository
// unchanged.
func TestReleaseRefused(t *testing.T) {
	const heading = "## 0.999.0 - "
	repo := newRepository(t)
	start := strings.TrimSpace(repo.run(t, "git", "rev-parse", "HEAD"))
	changelog := func(old, new string) func(t *testing.T) {
		return func(t *testing.T) {
			text := repo.read(t, "CHANGELOG.md")
			if !strings.Contains(text, old) {
				t.Fatalf("CHANGELOG.md has no %q", old)
			}
			repo.write(t, "CHANGELOG.md", strings.Replace(text, old, new, 1))
			repo.run(t, "git", "commit", "-q", "-a", "-m", "changelog")
		}
	}
	git := func(args ...string) func(t *testing.T) {
		return func(t *testing.T) { repo.run(t, "git", args...) }
	}
	nothing := func(*testing.T) {}
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T)
		version string
		want    string
	}{
		{"no version", nothing, "", "'' is no version"},
		{"no v", nothing, "0.999.0", "'0.999.0' is no version"},
		{"two numbers", nothing, "v0.999", "'v0.999' is no version"},
		{"zero in front", nothing, "v0.0999.0", "'v0.0999.0' is no version"},
		{"major without its path", nothing, "v2.0.0", "'v2.0.0' is no version"},
		{"empty suffix", nothing, "v0.999.0-", "'v0.999.0-' is no version"},
		{"option", nothing, "--help", "'--help' is no version"},
		{"changed file", func(t *testing.T) { repo.write(t, "doc.go", "package apiece\n") }, version, "uncommitted changes"},
		{"new file", func(t *testing.T) { repo.write(t, "new.go", "package apiece\n") }, version, "uncommitted changes"},
		{"other version", nothing, "v0.999.1", `the section after Unreleased is not "## 0.999.1 - YYYY-MM-DD"`},
		{"no section", changelog(heading, "## Notes "), version, `the section after Unreleased is not "## 0.999.0 - YYYY-MM-DD"`},
		{"no date", changelog(heading, "## 0.999.0 on "), version, `the section after Unreleased is not`},
		{"no unreleased", changelog("## Unreleased\n", ""), version, "the first section is not Unreleased"},
		{"unreleased entry", changelog("## Unreleased\n", "## Unreleased\n\n- **Added** it.\n"), version, "entries under Unreleased"},
		{"no entries", changelog("- **Changed** what this test releases.\n", "## Notes\n"), version, "the section of 0.999.0 is empty"},
		{"tag", git("tag", version), version, "the tag " + version + " exists"},
		{"tag of an adapter", git("tag", "adapters/redis/"+version), version, "the tag adapters/redis/" + version + " exists"},
		{"branch", git("branch", "release/"+version), version, "the branch release/" + version + " exists"},
		{"not tested", git("commit", "-q", "--allow-empty", "-m", "more"), version, "make release-check"},
		// This one fails halfway.
		{"module that does not exist", func(t *testing.T) {
			repo.write(t, "adapters/redis/lost.go", "package redis\n\nimport _ \"github.com/apiece/apiece/lost\"\n")
			repo.run(t, "git", "add", "-A")
			repo.run(t, "git", "commit", "-q", "-m", "lost")
			repo.check(t)
		}, version, "github.com/apiece/apiece/lost"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Cleanup(func() {
				repo.run(t, "git", "reset", "-q", "--hard", start)
				repo.check(t)
				repo.run(t, "git", "clean", "-q", "-f")
				for ref := range strings.Lines(repo.refs(t)) {
					if name, _, _ := strings.Cut(ref, " "); name != "refs/heads/main" {
						repo.run(t, "git", "update-ref", "-d", name)
					}
				}
			})
			test.prepare(t)
			status, refs := repo.run(t, "git", "status", "--porcelain"), repo.refs(t)
			output, err := repo.try("make", "release", "VERSION="+test.version)
			if err == nil || !strings.Contains(output, test.want) {
				t.Errorf("%v, want an error with %q:\n%s", err, test.want, output)
			}
			if got := repo.run(t, "git", "status", "--porcelain"); got != status {
				t.Errorf("the working tree has\n%s, before it had\n%s", got, status)
			}
			if got := repo.refs(t); got != refs {
				t.Errorf("the branches and tags are\n%s, before they were\n%s", got, refs)
			}
			checkTidy(t, repo)
		})
	}
}

// checkTidy: a release leaves no worktree and no temporary files.
func checkTidy(t *testing.T, repo workspace) {
	t.Helper()
	if list := repo.run(t, "git", "worktree", "list", "--porcelain"); strings.Count(list, "worktree ") != 1 {
		t.Errorf("worktrees are left:\n%s", list)
	}
	for _, v := range repo.env {
		if dir, ok := strings.CutPrefix(v, "TMPDIR="); ok {
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("temporary files are left: %v, %v", left, err)
			}
		}
	}
}
