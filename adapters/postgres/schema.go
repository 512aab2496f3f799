package postgres

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema.sql
var schema string

// Schema returns the SQL that makes the tables, for services with their own migration
// tool. Running it again changes nothing. The tables are made in the first schema of the
// search_path, and looked up by it.
func Schema() string { return schema }

// Migrate runs [Schema] in one transaction; concurrent calls of other processes wait for
// it. The user of the pool needs the privilege CREATE on the schema; using the tables
// does not require it.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// Two concurrent IF NOT EXISTS may fail.
		_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('apiece_log'))`)
		if err == nil {
			_, err = tx.Exec(ctx, schema)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("postgres: migrating: %w", err)
	}
	return nil
}
