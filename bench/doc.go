// Package bench measures the pieces of the kit beside the libraries that Go
// services use for the same work. It is a module of its own, so that none of
// them becomes a dependency of the kit.
//
// There is a package for each package of the kit, and in it a file for each
// rival. Every one of them prints a table of ratios, all measured in one run:
//
//	go test ./pattern -run Report -report
package bench
