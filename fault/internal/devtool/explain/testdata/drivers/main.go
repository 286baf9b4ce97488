//go:build ignore

// Records what the drivers of SQLite and PostgreSQL say, as drivers.json beside it. From the directory of the repository:
//
//	.ci/with-postgres go run fault/internal/devtool/explain/testdata/drivers/main.go >fault/internal/devtool/explain/testdata/drivers/drivers.json
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

type sample struct {
	Name   string       `json:"name"`
	Causes fault.Cause  `json:"causes"`
	Steps  []trace.Step `json:"steps,omitempty"`
}

type keeper struct{ last *fault.Failure }

func (k *keeper) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	k.last = f
	return fault.Receipt{}
}

var all []sample

func run(name string, f func(ctx context.Context) error) {
	var k keeper
	c := fault.New(fault.Options{Recorder: &k, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	c.Middleware(c.Handle(func(w http.ResponseWriter, r *http.Request) error { return f(r.Context()) })).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if k.last == nil || k.last.Kind == fault.KindNoAnswer {
		fmt.Fprintln(os.Stderr, "no failure", name)
		return
	}
	s := sample{name, k.last.Causes, k.last.Steps}
	for i := range s.Steps {
		s.Steps[i].Time = time.Time{}
		s.Steps[i].Duration = 0
	}
	all = append(all, s)
}

func main() {
	dir, err := os.MkdirTemp("", "drivers")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	exec := func(db *sql.DB, q string, args ...any) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, q, args...)
			s := trace.Step{Kind: "sql", Text: q}
			for _, a := range args {
				s.Args = append(s.Args, fmt.Sprint(a))
			}
			if err != nil {
				s.Err = err.Error()
			}
			trace.Note(ctx, s)
			return trace.Wrap(err, "saving")
		}
	}
	scan := func(db *sql.DB, q string, dest ...any) func(context.Context) error {
		return func(ctx context.Context) error {
			trace.Note(ctx, trace.Step{Kind: "sql", Text: q})
			return trace.Wrap(db.QueryRowContext(ctx, q).Scan(dest...), "loading")
		}
	}
	for driver, dsn := range map[string]string{"sqlite": "file:" + dir + "/x.db?_pragma=foreign_keys(1)", "pgx": os.Getenv("TEST_POSTGRES_URL")} {
		if dsn == "" {
			continue
		}
		db, err := sql.Open(driver, dsn)
		if err != nil {
			panic(err)
		}
		ph := func(n int) string {
			if driver == "pgx" {
				return fmt.Sprintf("$%d", n)
			}
			return "?"
		}
		for _, q := range []string{"CREATE TABLE users (id integer primary key, name varchar(20) not null, age integer check (age > 0), bio text, unique(name))",
			"CREATE TABLE posts (id integer primary key, author integer not null references users(id))", "INSERT INTO users (id, name) VALUES (1, 'susan')"} {
			if _, err := db.Exec(q); err != nil {
				panic(err)
			}
		}
		var s string
		var n int
		d := driver + " "
		run(d+"unique", exec(db, "INSERT INTO users (id, name) VALUES (2, "+ph(1)+")", "susan"))
		run(d+"primary key", exec(db, "INSERT INTO users (id, name) VALUES (1, 'x')"))
		run(d+"not null", exec(db, "INSERT INTO users (id) VALUES (3)"))
		run(d+"check", exec(db, "INSERT INTO users (id, name, age) VALUES (4, 'a', -1)"))
		run(d+"foreign key", exec(db, "INSERT INTO posts (id, author) VALUES (1, 99)"))
		run(d+"no table", exec(db, "INSERT INTO usres (id) VALUES (1)"))
		run(d+"no column", exec(db, "INSERT INTO users (id, nmae) VALUES (5, 'b')"))
		run(d+"no column in where", exec(db, "DELETE FROM users WHERE nmae = 'b'"))
		run(d+"syntax", exec(db, "SELEC 1"))
		run(d+"no rows", scan(db, "SELECT name FROM users WHERE id = 77", &s))
		run(d+"null", scan(db, "SELECT bio FROM users WHERE id = 1", &s))
		run(d+"scan type", scan(db, "SELECT name FROM users WHERE id = 1", &n))
		run(d+"scan count", scan(db, "SELECT name FROM users WHERE id = 1", &s, &n))
		run(d+"arguments", exec(db, "INSERT INTO users (id, name) VALUES ("+ph(1)+", "+ph(2)+")", 9))
		run(d+"done", func(ctx context.Context) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if err := tx.Commit(); err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "SELECT 1")
			return err
		})
		if driver == "pgx" {
			run(d+"too long", exec(db, "INSERT INTO users (id, name) VALUES (6, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa')"))
			run(d+"utf-8", exec(db, "INSERT INTO users (id, name) VALUES (7, $1)", "a\xffb"))
			run(d+"value", exec(db, "SELECT * FROM users WHERE id = 'abc'"))
			run(d+"timeout", exec(db, "SET statement_timeout = 10; SELECT pg_sleep(1)"))
			run(d+"aborted", func(ctx context.Context) error {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					return err
				}
				defer tx.Rollback()
				_, err = tx.ExecContext(ctx, "SELECT 1/0")
				trace.Note(ctx, trace.Step{Kind: "sql", Text: "SELECT 1/0", Err: err.Error()})
				_, err = tx.ExecContext(ctx, "SELECT 1")
				return err
			})
			other, _ := sql.Open("pgx", dsn+"&database=nosuch")
			run(d+"no database", func(ctx context.Context) error { return other.PingContext(ctx) })
			gone, _ := sql.Open("pgx", "postgres://app@127.0.0.1:1/x")
			run(d+"refused", func(ctx context.Context) error { return gone.PingContext(ctx) })
		} else {
			run(d+"busy", func(ctx context.Context) error {
				c1, _ := db.Conn(ctx)
				defer c1.Close()
				if _, err := c1.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
					return err
				}
				defer c1.ExecContext(ctx, "ROLLBACK")
				_, err := db.ExecContext(ctx, "INSERT INTO users (id, name) VALUES (50, 'q')")
				return err
			})
			cannot, _ := sql.Open("sqlite", "file:/no/such/dir/x.db")
			run(d+"cannot open", func(ctx context.Context) error { return cannot.PingContext(ctx) })
		}
		db.Close()
		run(d+"closed", func(ctx context.Context) error { return db.PingContext(ctx) })
	}
	_, err = sql.Open("nosuch", "")
	run("driver", func(context.Context) error { return err })
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "\t")
	e.SetEscapeHTML(false)
	if err := e.Encode(all); err != nil {
		panic(err)
	}
}
