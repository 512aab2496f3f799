// Package compose shows the kit beside the libraries people already use: one
// folder per need, each a recipe that runs and is tested. The README indexes
// them.
package compose
