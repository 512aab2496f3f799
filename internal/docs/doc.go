// Package docs tests the pages of the repository against its code: a Go block on a page
// is part of an example that runs, and names, links and headings exist.
package docs
