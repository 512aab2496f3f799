package database_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/examples/compose/database"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const schema = `
	CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE);
	CREATE TABLE journal (event TEXT NOT NULL, user INTEGER NOT NULL);
`

// open returns an empty database of the given schema.
func open(t testing.TB, schema string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}
	return db
}

func mount(db *sql.DB, max time.Duration) http.Handler {
	api := database.API{DB: db}
	chain := middleware.Chain(middleware.Config{MaxDuration: max})
	mux := http.NewServeMux()
	mux.Handle("/api/users", chain.Then(api.Users()))
	mux.Handle("/api/users/{id}", chain.Then(api.User()))
	return mux
}

func send(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func count(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestUsersRequests tests the routes, starting with an empty table.
func TestUsersRequests(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		db := open(t, schema)
		h := mount(db, time.Minute)
		for _, tt := range []struct {
			method, path, body string
			status             int
			want               string
		}{
			{"GET", "/api/users", "", 200, `[]`},
			{"GET", "/api/users/1", "", 404, `{"title":"Not Found","status":404,"detail":"No such user"}`},
			{"POST", "/api/users", `{"name":"Ada","email":"ada@example.com"}`, 201, `{"id":1,"name":"Ada","email":"ada@example.com"}`},
			{"POST", "/api/users", `{"name":"Eve","email":"ada@example.com"}`, 409, `{"title":"Conflict","status":409,"detail":"This email address is taken"}`},
			{"POST", "/api/users", `{"id":7,"name":"Bob'; DROP TABLE users;--","email":"bob@example.com"}`, 201, `{"id":2,"name":"Bob'; DROP TABLE users;--","email":"bob@example.com"}`},
			{"POST", "/api/users", `{"name":"","email":"x"}`, 422, ""},
			{"POST", "/api/users", `{"name":`, 400, ""},
			{"GET", "/api/users/1", "", 200, `{"id":1,"name":"Ada","email":"ada@example.com"}`},
			{"GET", "/api/users/x", "", 404, ""},
			{"GET", "/api/users/99999999999999999999", "", 404, ""},
			{"GET", "/api/users?q=Ad", "", 200, `[{"id":1,"name":"Ada","email":"ada@example.com"}]`},
			{"GET", "/api/users?q=%25", "", 200, `[]`},
			{"GET", "/api/users?q='", "", 200, `[{"id":2,"name":"Bob'; DROP TABLE users;--","email":"bob@example.com"}]`},
			{"DELETE", "/api/users/1", "", 405, ""},
		} {
			resp := tr.Do(t, h, send(tt.method, tt.path, tt.body))
			body := testkit.Body(t, resp)
			if resp.StatusCode != tt.status || tt.want != "" && body != tt.want {
				t.Errorf("%s %s %s: %d %s, want %d %s", tt.method, tt.path, tt.body, resp.StatusCode, body, tt.status, tt.want)
			}
		}
		if users, lines := count(t, db, "users"), count(t, db, "journal"); users != 2 || lines != 2 {
			t.Errorf("%d users, %d lines in the journal", users, lines)
		}
	})
}

// TestUsersConcurrentConflict: of many concurrent requests for one address only one succeeds.
func TestUsersConcurrentConflict(t *testing.T) {
	h := mount(open(t, schema), time.Minute)
	var mu sync.Mutex
	got := map[int]int{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, send("POST", "/api/users", fmt.Sprintf(`{"name":"%d","email":"one@example.com"}`, i)))
			mu.Lock()
			defer mu.Unlock()
			got[w.Code]++
		})
	}
	all.Wait()
	if got[201] != 1 || got[409] != 7 {
		t.Errorf("%v", got)
	}
}

// TestUsersRollback: a transaction is written completely or not at all, and the database
// error goes only to the log.
func TestUsersRollback(t *testing.T) {
	log := new(testkit.Log)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log.Logger())
	db := open(t, schema+`DROP TABLE journal;`)
	w := httptest.NewRecorder()
	mount(db, time.Minute).ServeHTTP(w, send("POST", "/api/users", `{"name":"Ada","email":"ada@example.com"}`))
	if w.Code != 500 || w.Body.String() != `{"title":"Internal Server Error","status":500}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections are not given back", n)
	}
	if n := count(t, db, "users"); n != 0 {
		t.Errorf("%d users", n)
	}
	if records := log.Records(); len(records) != 1 || !strings.Contains(testkit.Attr(records[0], "error"), "journal") {
		t.Errorf("%v", records)
	}
}

// endless is a schema in which reading the users never ends.
const endless = `CREATE VIEW users AS
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
	SELECT i AS id, 'x' AS name, 'x' AS email FROM n WHERE i < 0;`

// TestUsersQueryDeadline: a slow query gets 504, and is canceled. Only one database connection
// is allowed: the next query gets it.
func TestUsersQueryDeadline(t *testing.T) {
	log := new(testkit.Log)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log.Logger())
	db := open(t, endless)
	db.SetMaxOpenConns(1)
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		before := len(log.Records())
		resp := tr.Do(t, mount(db, 100*time.Millisecond), send("GET", "/api/users", ""))
		if body := testkit.Body(t, resp); resp.StatusCode != 504 {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		free(t, db)
		for deadline := time.Now().Add(time.Minute); len(log.Records()) == before && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if n := len(log.Records()) - before; n != 1 {
			t.Errorf("%d records", n)
		}
	})
}

// TestUsersClientGone: a query is canceled when the client disconnects.
func TestUsersClientGone(t *testing.T) {
	db := open(t, endless)
	db.SetMaxOpenConns(1)
	client, base := testkit.HTTP1.Serve(t, mount(db, time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for db.Stats().InUse == 0 && t.Context().Err() == nil { // until the query runs
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	r, _ := http.NewRequestWithContext(ctx, "GET", base+"/api/users", nil)
	if resp, err := client.Do(r); err == nil {
		t.Errorf("%d", resp.StatusCode)
	}
	free(t, db)
}

// free fails unless the only connection is free again.
func free(t *testing.T, db *sql.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := db.ExecContext(ctx, `SELECT 1`); err != nil {
		t.Errorf("the query goes on: %v", err)
	}
}
