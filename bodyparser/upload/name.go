package upload

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestName is the limit of file systems for one path element, in bytes.
const longestName = 255

// safeName makes a safe file name from a client's. The client may run another
// system than the server, and the file may move to a third, so the rules of all
// of them apply.
func safeName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1 // Cf includes characters that change the direction of text
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_' // a colon opens a stream or a drive on Windows
		}
		return r
	}, name)
	// Windows drops trailing dots and spaces. A leading dot hides a file on Unix, or
	// makes it a configuration file: .htaccess, .bashrc.
	name = strings.TrimLeft(strings.TrimRight(name, ". "), ". ")
	if isDevice(name) {
		name = "_" + name
	}
	if len(name) > longestName {
		ext := path.Ext(name)
		if len(ext) > 20 {
			ext = ""
		}
		cut := longestName - len(ext)
		for !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = strings.TrimRight(name[:cut], ". ") + ext
	}
	return name
}

// unescape decodes the escapes in names and file names of a form: three
// characters, and nothing else, not even the percent sign (WHATWG HTML,
// "multipart/form-data encoding algorithm").
func unescape(name string) string {
	if !strings.Contains(name, "%") {
		return name
	}
	return escapes.Replace(name)
}

var escapes = strings.NewReplacer("%22", `"`, "%0D", "\r", "%0A", "\n")

// isDevice reports whether Windows takes a name for a device. It ignores
// everything after the first dot.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	stem = strings.TrimRight(stem, " ")
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(stem, "COM")
	if !ok {
		port, ok = strings.CutPrefix(stem, "LPT")
	}
	return ok && utf8.RuneCountInString(port) == 1 && strings.ContainsAny(port, "0123456789¹²³")
}
