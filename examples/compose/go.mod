module github.com/apiece/apiece/examples/compose

go 1.26.0

replace github.com/apiece/apiece => ../..
