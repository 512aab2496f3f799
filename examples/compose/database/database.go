// Package database serves rows of a database with database/sql, here SQLite
// (modernc.org/sqlite, which needs no C compiler).
//
// database/sql runs the queries with the context of the request: when the client
// disconnects, or at the deadline of a middleware.Timeout, it cancels them and rolls
// back the transaction. Packages bind and reply handle typed input, and errors with a
// status, whose cause goes to the log and not to the client.
//
//	no row                  404
//	unique index violated   409
//	deadline passed         504, by the Timeout
//	anything else           500, one record
//
// An ORM can replace database/sql without a change to the rest. The kit has no database code.
package database

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strconv"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// A User is a row, as clients see it.
type User struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// A newUser is the body of a POST: the client does not choose the id.
type newUser struct {
	Name  string `json:"name" validate:"required,max=80"`
	Email string `json:"email" validate:"required,email,max=254"`
}

// created is the response to a new User, with status 201.
type created struct{ User }

func (created) StatusCode() int { return http.StatusCreated }

var (
	errNoUser = reply.NewError(http.StatusNotFound, "No such user")
	errTaken  = reply.NewError(http.StatusConflict, "This email address is taken")
)

// API serves the users in a database.
type API struct{ DB *sql.DB }

// Users returns the handler of /api/users.
func (a API) Users() http.Handler {
	return middleware.Methods{"GET": bind.Func(a.list), "POST": bind.Func(a.create)}
}

// User returns the handler of /api/users/{id}.
func (a API) User() http.Handler {
	return middleware.Methods{"GET": bind.Func(a.get)}
}

// list returns all users, or those whose name contains ?q=. The list is not nil: a
// nil slice is null in JSON, where clients expect [].
func (a API) list(r *http.Request, _ struct{}) ([]User, error) {
	users := []User{}
	rows, err := a.DB.QueryContext(r.Context(),
		`SELECT id, name, email FROM users WHERE instr(name, ?) > 0 OR ? = '' ORDER BY id LIMIT 100`,
		r.URL.Query().Get("q"), r.URL.Query().Get("q"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u User
		if err := rows.Scan(&u.ID, &u.Name, &u.Email); err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	// A query that failed must not look like a shorter list.
	return users, rows.Err()
}

func (a API) get(r *http.Request, _ struct{}) (u User, err error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return u, errNoUser
	}
	err = a.DB.QueryRowContext(r.Context(), `SELECT id, name, email FROM users WHERE id = ?`, id).Scan(&u.ID, &u.Name, &u.Email)
	if errors.Is(err, sql.ErrNoRows) {
		return u, errNoUser.WithCause(err)
	}
	return u, err
}

// create adds a user and a line to the journal, or neither. Checking first whether
// the address is free would be a race between two clients: the unique index decides.
func (a API) create(r *http.Request, in newUser) (out created, err error) {
	err = a.transaction(r.Context(), func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO users (name, email) VALUES (?, ?)`, in.Name, in.Email)
		if isUnique(err) {
			return errTaken.WithCause(err)
		}
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		out = created{User{id, in.Name, in.Email}}
		_, err = tx.ExecContext(ctx, `INSERT INTO journal (event, user) VALUES ('created', ?)`, id)
		return err
	})
	return out, err
}

// transaction runs fn in a transaction. It commits if fn returns nil, and rolls back
// if fn returns an error or panics, or if the request ends before.
func (a API) transaction(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	tx, err := a.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// isUnique reports whether a unique index rejected a row. The error depends on the driver.
func isUnique(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}
