module github.com/apiece/apiece/internal/cachetests

go 1.26.0

require github.com/apiece/apiece v0.0.0

require github.com/maypok86/otter/v2 v2.4.0 // indirect

replace github.com/apiece/apiece => ../..
