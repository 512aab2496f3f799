package torture_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The states of a disk, which a child creates in a mount namespace of its own:
// otherwise a read-only directory is still writable for root.
var disks = []struct {
	name, options string // of a tmpfs; without options the directory does not exist
	fill          bool
	flags         uintptr
	saves         fate // the outcome of an upload that is saved there
}{
	{"missing", "", false, 0, failed},
	{"read-only", "size=1m", false, syscall.MS_RDONLY, failed},
	{"full", "size=64k", true, 0, failed},
	{"fine", "size=1m", false, 0, whole},
}

const diskVariable = "APIECE_TORTURE_DISK"

// TestFaultsOfDisk: no piece needs a disk, except for an upload that is saved to one: a
// failure of that is a server error, and leaves no files.
func TestFaultsOfDisk(t *testing.T) {
	tidy(t)
	namespace := func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		}
	}
	for _, d := range disks {
		t.Run(d.name, func(t *testing.T) {
			dir := t.TempDir()
			err := child(t, "disk", namespace, diskVariable+"="+d.name, "TMPDIR="+dir, saveVariable+"="+dir)
			switch {
			case errors.Is(err, syscall.EPERM), err != nil && strings.Contains(err.Error(), errMount.Error()):
				unavailable(t, "mount", err.Error())
			case err != nil:
				t.Error(err)
			}
		})
	}
}

var errMount = errors.New("nothing can be mounted here")

func sufferDisk() error {
	dir := os.Getenv("TMPDIR")
	var fault int
	for i := range disks {
		if disks[i].name == os.Getenv(diskVariable) {
			fault = i
		}
	}
	disk := disks[fault]
	if disk.options == "" {
		if err := os.Remove(dir); err != nil {
			return err
		}
		defer os.Mkdir(dir, 0o700) // which the parent removes
	} else {
		err := errors.Join(
			syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
			syscall.Mount("tmpfs", dir, "tmpfs", disk.flags, disk.options))
		if err != nil {
			return fmt.Errorf("%w: %w", errMount, err)
		}
	}
	if disk.fill {
		// Almost full, so that a file can be created but not completed.
		if err := os.WriteFile(filepath.Join(dir, "filling"), make([]byte, 60<<10), 0o600); err != nil {
			return err
		}
	}
	var errs []error
	for _, p := range pieces() {
		right := whole
		if p.name == "upload.Form" {
			right = disk.saves
		}
		if p.stops { // by a real clock here
			right |= failed
		}
		site, err := open(&p, setting{protocol: 1, sockets: true})
		if err != nil {
			return err
		}
		for range 2 {
			before := site.failures()
			a := site.send(nil, false)
			if f, odd := p.fateOf(a, site.failures()-before); odd != nil || f&right == 0 {
				errs = append(errs, fmt.Errorf("%s: %v, %v; want %v", p.name, a, odd, right))
			}
		}
		site.close()
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, ".*[a-z]*"))
	for _, name := range append(left, hidden...) {
		if filepath.Base(name) != "filling" {
			errs = append(errs, fmt.Errorf("left behind: %s", name))
		}
	}
	return errors.Join(errs...)
}
