module github.com/apiece/apiece/adapters/redis

go 1.26.0

replace github.com/apiece/apiece => ../
