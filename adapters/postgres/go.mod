module github.com/apiece/apiece/adapters/postgres

go 1.26.0

// The driver that speaks LISTEN, that database/sql can be had from as well, and
// that is kept up with both PostgreSQL and Go: pgx.
require (
	github.com/apiece/apiece v0.0.0
	github.com/jackc/pgx/v5 v5.13.0
)

require (
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/maypok86/otter/v2 v2.4.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace github.com/apiece/apiece => ../..
