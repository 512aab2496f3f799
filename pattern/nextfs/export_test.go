package nextfs

// ExportedMethods is for the tests of the parser, which Scan runs on files.
func ExportedMethods(src string, jsx bool) ([]string, string) { return exportedMethods(src, jsx) }
