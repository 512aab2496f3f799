package nextfs

// ExportedMethods is for the tests of the parser, which Scan runs on files. It
// does not know the exports of other modules.
func ExportedMethods(src string, jsx bool) ([]string, string) {
	m := moduleOf(src, jsx, true)
	if m.unknown == "" && len(m.stars) > 0 {
		return m.found, exportStar(m.stars[0])
	}
	return m.found, m.unknown
}
