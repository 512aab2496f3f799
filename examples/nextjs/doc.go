// Package nextjs shows each feature of Next.js API Routes as Go code, in
// examples that run. MIGRATING.md explains them, one chapter a file.
package nextjs
