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

// Schema returns the SQL that makes the tables, for those who have a way of their
// own to run such. To run it again changes nothing. The tables come to be in the
// schema that is first in the search_path, and are looked for by it.
func Schema() string { return schema }

// Migrate runs [Schema] in one transaction, which those that other processes begin
// at the same time wait for. The user of the pool needs the privilege CREATE on the
// schema; what uses the tables does not.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// IF NOT EXISTS fails if two do it at once.
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
