module github.com/apiece/apiece/internal/installtest

go 1.26.0

replace github.com/apiece/apiece => ../..
