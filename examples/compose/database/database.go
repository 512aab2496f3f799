// Package database serves rows of a database by database/sql, here with SQLite
// (modernc.org/sqlite, which needs no C).
//
// database/sql does the queries, within the context of the request: a client
// that goes, or a middleware.Timeout in front, ends them, and a transaction
// with them. Packages bind and reply do what is around: typed input, and errors
// with the status that says what has happened, whose cause goes to the log and
// not to the client.
//
//	no row                  404
//	unique index violated   409
//	deadline passed         504, by the Timeout
//	anything else           500, one record
//
// An ORM takes the place of database/sql without a change to the rest. Nothing
// of the kit stands in between, and nothing of it knows of a database.
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

// A User is a row, and what clients see of it.
type User struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// A newUser is what a client may send: the id is not for it to choose.
type newUser struct {
	Name  string `json:"name" validate:"required,max=80"`
	Email string `json:"email" validate:"required,email,max=254"`
}

// created is a User that is answered with 201.
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

// list returns all users, of a part of a name if the query has ?q=. The list is
// made, and not only declared: a nil slice is null in JSON, where clients
// expect [].
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
	// A query that broke off is no shorter list.
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

// create adds a user and a line to the journal, or neither. To ask first whether
// the address is free would let two clients find it so: the index decides.
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

// transaction runs fn in a transaction: committed if fn returns nil, rolled
// back if it returns an error or panics, and if the request ends before.
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

// isUnique reports whether an index did not allow a row. It is the one thing
// that every driver says in its own way.
func isUnique(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}
