package nextfs

// ExportedMethods is for the tests of the parser, which Scan runs on files. What
// is exported of other modules is unknown to it.
func ExportedMethods(src string, jsx bool) ([]string, string) {
	found, stars, unknown := exportedMethods(src, jsx)
	if unknown == "" && len(stars) > 0 {
		unknown = starOf(stars[0])
	}
	return found, unknown
}
