// Package nextjs shows each feature of Next.js API Routes as Go code, in tested
// examples. MIGRATING.md explains them, one chapter per file.
package nextjs
