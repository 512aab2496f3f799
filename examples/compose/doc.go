// Package compose has tested recipes that combine the kit with other libraries, one
// per folder. The README is the index.
package compose
