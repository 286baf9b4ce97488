package sqltrace_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault/sqltrace"
	"example.org/microblog/fault/trace"
)

var conns = map[string]func(*fakeConn) driver.Conn{
	"bare": func(c *fakeConn) driver.Conn { return c },
	"all": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withPrepare
			withBegin
			withPing
			withReset
			withValid
			withChecker
			withExec
			withQuery
		}{c, withPrepare{c}, withBegin{c}, withPing{c}, withReset{c}, withValid{c}, withChecker{c.s}, withExec{c}, withQuery{c}}
	},
	"old": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withExecer
			withQueryer
		}{c, withExecer{c}, withQueryer{c}}
	},
	"old and new": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withExec
			withExecer
			withQuery
			withQueryer
		}{c, withExec{c}, withExecer{c}, withQuery{c}, withQueryer{c}}
	},
	"exec": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withExec
		}{c, withExec{c}}
	},
	"query": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withQuery
			withPing
		}{c, withQuery{c}, withPing{c}}
	},
	"reset": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withReset
			withBegin
		}{c, withReset{c}, withBegin{c}}
	},
	"valid": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withValid
			withPrepare
		}{c, withValid{c}, withPrepare{c}}
	},
	"reset and valid": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withReset
			withValid
		}{c, withReset{c}, withValid{c}}
	},
	"checker": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			withChecker
		}{c, withChecker{c.s}}
	},
}

var stmts = map[string]func(*fakeStmt) driver.Stmt{
	"bare": func(s *fakeStmt) driver.Stmt { return s },
	"context": func(s *fakeStmt) driver.Stmt {
		return struct {
			*fakeStmt
			stmtContext
		}{s, stmtContext{s}}
	},
	"converter": func(s *fakeStmt) driver.Stmt {
		return struct {
			*fakeStmt
			stmtConverter
		}{s, stmtConverter{s}}
	},
	"checker": func(s *fakeStmt) driver.Stmt {
		return struct {
			*fakeStmt
			withChecker
		}{s, withChecker{s.s}}
	},
	"all": func(s *fakeStmt) driver.Stmt {
		return struct {
			*fakeStmt
			stmtContext
			stmtConverter
			withChecker
		}{s, stmtContext{s}, stmtConverter{s}, withChecker{s.s}}
	},
}

var resultSets = map[string]func(*fakeRows) driver.Rows{
	"bare": func(r *fakeRows) driver.Rows { return r },
	"all":  func(r *fakeRows) driver.Rows { return moreRows{r} },
}

// A wrapped driver is asked the same as one that is not, and database/sql does the same with it: whatever the driver
// has, and whether anybody keeps a record or not.
func TestSameAsWithout(t *testing.T) {
	t.Parallel()
	for connName, conn := range conns {
		for stmtName, stmt := range stmts {
			for rowsName, rows := range resultSets {
				t.Run("connection "+connName+", statement "+stmtName+", rows "+rowsName, func(t *testing.T) {
					t.Parallel()
					for _, skip := range []bool{false, true} {
						run := func(ctx context.Context, wrap bool) []string {
							s := &script{conn: conn, stmt: stmt, rows: rows, skip: skip}
							return use(ctx, s, wrap)
						}
						want := run(t.Context(), false)
						for name, ctx := range map[string]context.Context{"no record": t.Context(), "record": trace.Begin(t.Context())} {
							if got := run(ctx, true); !slices.Equal(got, want) {
								t.Errorf("%s, skip %v: it differs from without:\n%s", name, skip, difference(got, want))
							}
						}
					}
				})
			}
		}
	}
}

// use asks a database for everything, and returns what it has been asked and what came of it.
func use(ctx context.Context, s *script, wrap bool) []string {
	var connector driver.Connector = &fakeConnector{&fakeDriver{s}, "here"}
	if wrap {
		connector = sqltrace.Connector(connector, sqltrace.Options{})
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	exec := func(query string, args ...any) {
		r, err := db.ExecContext(ctx, query, args...)
		n := int64(-1)
		if r != nil {
			n, _ = r.RowsAffected() // It has no error here.
		}
		s.call("= %d %v", n, err)
	}
	query := func(query string, args ...any) {
		r, err := db.QueryContext(ctx, query, args...)
		s.call("= %v", err)
		if err == nil {
			read(s, r)
		}
	}
	s.call("= %v", db.PingContext(ctx))
	exec("INSERT ?, ?", 1, "susan")
	exec("INSERT ?", sql.Named("name", "susan"))
	exec("INSERT any number", complex64(1), []string{"a"}, sql.RawBytes("x"))
	exec("INSERT ?", []string{"a"})
	exec("INSERT ?", struct{}{})
	exec("INSERT ?, ?", 1)
	exec("INSERT syntax")
	exec("INSERT fail")
	query("SELECT ?", true)
	query("SELECT ?", sql.Named("n", 1))
	query("SELECT breaks")
	query("SELECT fail")
	query("SELECT syntax")
	s.bad = 1
	exec("INSERT again")
	s.bad = 1
	query("SELECT again")

	prepared, err := db.PrepareContext(ctx, "SELECT ?")
	s.call("= %v", err)
	if err == nil {
		r, err := prepared.QueryContext(ctx, 7)
		s.call("= %v", err)
		if err == nil {
			read(s, r)
		}
		_, err = prepared.ExecContext(ctx, sql.NullString{String: "x", Valid: true})
		s.call("= %v", err)
		s.call("= %v", prepared.Close())
	}
	for _, o := range []*sql.TxOptions{nil, {}, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		t, err := db.BeginTx(ctx, o)
		s.call("= %v", err)
		if err != nil {
			continue
		}
		_, err = t.ExecContext(ctx, "INSERT ?", 1)
		s.call("= %v", err)
		if o == nil {
			s.call("= %v", t.Rollback())
		}
		s.call("= %v", t.Commit())
	}
	done, cancel := context.WithCancel(ctx)
	if t, err := db.BeginTx(done, nil); err == nil {
		cancel()
		// The transaction ends on a goroutine of its own. The only connection comes back, or another one is opened.
		s.call("= %v", db.PingContext(ctx))
		s.call("= %v", errors.Is(t.Commit(), sql.ErrTxDone))
	}
	cancel()
	_, err = db.ExecContext(done, "INSERT")
	s.call("= %v", err)
	s.call("= %v", db.Close())
	return s.made()
}

func read(s *script, r *sql.Rows) {
	columns, err := r.ColumnTypes()
	s.call("= %v", err)
	for _, c := range columns {
		length, hasLength := c.Length()
		nullable, hasNullable := c.Nullable()
		precision, scale, hasScale := c.DecimalSize()
		s.call("= %s %s %v %d %v %v %v %d %d %v", c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, nullable, hasNullable, precision, scale, hasScale)
	}
	for {
		for r.Next() {
			var id int
			var name string
			s.call("= %v", r.Scan(&id, &name))
			s.call("= %d %s", id, name)
		}
		s.call("= %v", r.Err())
		if !r.NextResultSet() {
			break
		}
	}
	s.call("= %v %v", r.Err(), r.Close())
}

func difference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("after\n\t%s\ngot\n\t%s\nwant\n\t%s", strings.Join(got[max(0, i-3):min(i, len(got))], "\n\t"),
				strings.Join(got[min(i, len(got)):min(i+4, len(got))], "\n\t"), strings.Join(want[min(i, len(want)):min(i+4, len(want))], "\n\t"))
		}
	}
	return "nowhere"
}

// What decides about database/sql's ways is there if the driver has it, and only then.
func TestOptionalInterfaces(t *testing.T) {
	t.Parallel()
	c := &fakeConn{&script{}}
	e, q, r, v := withExec{c}, withQuery{c}, withReset{c}, withValid{c}
	for i, inner := range []driver.Conn{
		c,
		struct {
			*fakeConn
			withExec
		}{c, e},
		struct {
			*fakeConn
			withQuery
		}{c, q},
		struct {
			*fakeConn
			withExec
			withQuery
		}{c, e, q},
		struct {
			*fakeConn
			withReset
		}{c, r},
		struct {
			*fakeConn
			withExec
			withReset
		}{c, e, r},
		struct {
			*fakeConn
			withQuery
			withReset
		}{c, q, r},
		struct {
			*fakeConn
			withExec
			withQuery
			withReset
		}{c, e, q, r},
		struct {
			*fakeConn
			withValid
		}{c, v},
		struct {
			*fakeConn
			withExec
			withValid
		}{c, e, v},
		struct {
			*fakeConn
			withQuery
			withValid
		}{c, q, v},
		struct {
			*fakeConn
			withExec
			withQuery
			withValid
		}{c, e, q, v},
		struct {
			*fakeConn
			withReset
			withValid
		}{c, r, v},
		struct {
			*fakeConn
			withExec
			withReset
			withValid
		}{c, e, r, v},
		struct {
			*fakeConn
			withQuery
			withReset
			withValid
		}{c, q, r, v},
		struct {
			*fakeConn
			withExec
			withQuery
			withReset
			withValid
		}{c, e, q, r, v},
	} {
		s := &script{conn: func(*fakeConn) driver.Conn { return inner }}
		wrapped, err := sqltrace.Driver(&fakeDriver{s}, sqltrace.Options{}).Open("here")
		if err != nil {
			t.Fatal(err)
		}
		_, execs := wrapped.(driver.ExecerContext)
		_, queries := wrapped.(driver.QueryerContext)
		_, resets := wrapped.(driver.SessionResetter)
		_, validates := wrapped.(driver.Validator)
		if got, want := [4]bool{execs, queries, resets, validates}, [4]bool{i&1 != 0, i&2 != 0, i&4 != 0, i&8 != 0}; got != want {
			t.Errorf("connection %d has %v, want %v", i, got, want)
		}
		if sqltrace.Unwrap(wrapped) != any(inner) {
			t.Errorf("connection %d cannot be found in what wraps it", i)
		}
	}
	if sqltrace.Unwrap(c) != any(c) || sqltrace.Unwrap(nil) != nil {
		t.Error("Unwrap changes what is not wrapped")
	}
}
