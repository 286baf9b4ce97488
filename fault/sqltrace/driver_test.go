package sqltrace_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// script is what a fake database is told to do, and what was asked of it.
type script struct {
	conn func(*fakeConn) driver.Conn
	stmt func(*fakeStmt) driver.Stmt
	rows func(*fakeRows) driver.Rows

	mu    sync.Mutex
	calls []string
	skip  bool // ExecContext and QueryContext leave it to a prepared statement
	bad   int  // so many statements more fail with driver.ErrBadConn
}

func (s *script) call(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
}

func (s *script) made() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// outcome is what a statement leads to: its words tell.
func (s *script) outcome(query string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad > 0 {
		s.bad--
		return driver.ErrBadConn
	}
	switch {
	case strings.Contains(query, "fail"):
		return errFails
	case strings.Contains(query, "odd"):
		return fmt.Errorf("odd: %w", driver.ErrSkip)
	}
	return nil
}

var errFails = errors.New("the database says no")

// A fakeDriver opens connections of its script.
type fakeDriver struct{ s *script }

func (d *fakeDriver) Open(name string) (driver.Conn, error) {
	d.s.call("open %s", name)
	if name == "away" {
		return nil, errFails
	}
	return d.s.conn(&fakeConn{s: d.s}), nil
}

// fakeContextDriver has connectors of its own.
type fakeContextDriver struct{ fakeDriver }

func (d *fakeContextDriver) OpenConnector(name string) (driver.Connector, error) {
	d.s.call("connector %s", name)
	if name == "wrong" {
		return nil, errFails
	}
	return &fakeConnector{d, name}, nil
}

type fakeConnector struct {
	d    driver.Driver
	name string
}

func (c *fakeConnector) Connect(context.Context) (driver.Conn, error) { return c.d.Open(c.name) }
func (c *fakeConnector) Driver() driver.Driver                        { return c.d }

// fakeClosing is a connector that wants to know when nobody needs it any more.
type fakeClosing struct {
	fakeConnector
	s *script
}

func (c *fakeClosing) Close() error { c.s.call("close connector"); return errFails }

// fakeConn is a connection with what every driver must have.
type fakeConn struct{ s *script }

func (c *fakeConn) Close() error { c.s.call("close"); return nil }

func (c *fakeConn) Begin() (driver.Tx, error) {
	c.s.call("begin")
	return fakeTx{c.s}, nil
}

func (c *fakeConn) Prepare(query string) (driver.Stmt, error) {
	c.s.call("prepare %s", query)
	if strings.Contains(query, "syntax") {
		return nil, errFails
	}
	return c.s.stmt(&fakeStmt{c.s, query}), nil
}

// What a connection may have beside.
type (
	withPrepare struct{ c *fakeConn }
	withBegin   struct{ c *fakeConn }
	withPing    struct{ c *fakeConn }
	withReset   struct{ c *fakeConn }
	withValid   struct{ c *fakeConn }
	withChecker struct{ s *script }
	withExec    struct{ c *fakeConn }
	withExecer  struct{ c *fakeConn }
	withQuery   struct{ c *fakeConn }
	withQueryer struct{ c *fakeConn }
)

func (w withPrepare) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	w.c.s.call("with context:")
	return w.c.Prepare(query)
}

func (w withBegin) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	w.c.s.call("begin with %v", o)
	return fakeTx{w.c.s}, nil
}

func (w withPing) Ping(context.Context) error          { w.c.s.call("ping"); return errFails }
func (w withReset) ResetSession(context.Context) error { w.c.s.call("reset"); return nil }
func (w withValid) IsValid() bool                      { w.c.s.call("valid?"); return true }

func (w withChecker) CheckNamedValue(v *driver.NamedValue) error {
	w.s.call("check %T", v.Value)
	switch x := v.Value.(type) {
	case []string, *string, *struct{}:
		return nil // A type of this driver.
	case sql.RawBytes:
		return driver.ErrRemoveArgument
	case complex64:
		v.Value = fmt.Sprint(x)
		return nil
	}
	return driver.ErrSkip
}

func (w withExec) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	w.c.s.call("exec %s %s", query, named(args))
	if w.c.s.skip {
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(len(args)), w.c.s.outcome(query)
}

func (w withExecer) Exec(query string, args []driver.Value) (driver.Result, error) {
	w.c.s.call("exec plainly %s %v", query, args)
	return driver.RowsAffected(len(args)), w.c.s.outcome(query)
}

func (w withQuery) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	w.c.s.call("query %s %s", query, named(args))
	if w.c.s.skip {
		return nil, driver.ErrSkip
	}
	if err := w.c.s.outcome(query); err != nil {
		return nil, err
	}
	return w.c.s.rows(&fakeRows{s: w.c.s, query: query}), nil
}

func (w withQueryer) Query(query string, args []driver.Value) (driver.Rows, error) {
	w.c.s.call("query plainly %s %v", query, args)
	if err := w.c.s.outcome(query); err != nil {
		return nil, err
	}
	return w.c.s.rows(&fakeRows{s: w.c.s, query: query}), nil
}

func named(args []driver.NamedValue) string {
	var all []string
	for _, a := range args {
		all = append(all, fmt.Sprintf("%d %s %T %v", a.Ordinal, a.Name, a.Value, a.Value))
	}
	return strings.Join(all, ", ")
}

type fakeTx struct{ s *script }

func (t fakeTx) Commit() error   { t.s.call("commit"); return nil }
func (t fakeTx) Rollback() error { t.s.call("rollback"); return nil }

type fakeStmt struct {
	s     *script
	query string
}

func (s *fakeStmt) Close() error { s.s.call("close statement"); return nil }

func (s *fakeStmt) NumInput() int {
	if strings.Contains(s.query, "any number") {
		return -1
	}
	return strings.Count(s.query, "?")
}

func (s *fakeStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.s.call("run %s %v", s.query, args)
	return driver.RowsAffected(len(args)), s.s.outcome(s.query)
}

func (s *fakeStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.s.call("ask %s %v", s.query, args)
	if err := s.s.outcome(s.query); err != nil {
		return nil, err
	}
	return s.s.rows(&fakeRows{s: s.s, query: s.query}), nil
}

// What a prepared statement may have beside.
type (
	stmtContext   struct{ s *fakeStmt }
	stmtConverter struct{ s *fakeStmt }
)

func (w stmtContext) ExecContext(_ context.Context, args []driver.NamedValue) (driver.Result, error) {
	w.s.s.call("run with context %s %s", w.s.query, named(args))
	return driver.RowsAffected(len(args)), w.s.s.outcome(w.s.query)
}

func (w stmtContext) QueryContext(_ context.Context, args []driver.NamedValue) (driver.Rows, error) {
	w.s.s.call("ask with context %s %s", w.s.query, named(args))
	if err := w.s.s.outcome(w.s.query); err != nil {
		return nil, err
	}
	return w.s.s.rows(&fakeRows{s: w.s.s, query: w.s.query}), nil
}

func (w stmtConverter) ColumnConverter(i int) driver.ValueConverter {
	w.s.s.call("converter of %d", i)
	if i == 0 {
		return driver.String
	}
	return driver.DefaultParameterConverter
}

// fakeRows are two rows of two columns; of a query with "breaks" the second cannot be read.
type fakeRows struct {
	s     *script
	query string
	at    int
	sets  int
}

func (r *fakeRows) Columns() []string { return []string{"id", "name"} }
func (r *fakeRows) Close() error      { r.s.call("close rows"); return nil }

func (r *fakeRows) Next(dest []driver.Value) error {
	if strings.Contains(r.query, "slow") {
		time.Sleep(time.Millisecond)
	}
	switch r.at++; {
	case r.at == 2 && strings.Contains(r.query, "breaks"):
		return errFails
	case r.at > 2:
		return io.EOF
	}
	dest[0], dest[1] = int64(r.at), []byte("susan")
	return nil
}

// moreRows have all that rows may have.
type moreRows struct{ *fakeRows }

func (r moreRows) HasNextResultSet() bool { return r.sets == 0 }

func (r moreRows) NextResultSet() error {
	if r.sets++; r.sets > 1 {
		return io.EOF
	}
	r.at = 0
	return nil
}

func (r moreRows) ColumnTypeScanType(int) reflect.Type               { return reflect.TypeFor[int64]() }
func (r moreRows) ColumnTypeDatabaseTypeName(int) string             { return "VARCHAR" }
func (r moreRows) ColumnTypeLength(int) (int64, bool)                { return 7, true }
func (r moreRows) ColumnTypeNullable(int) (bool, bool)               { return true, true }
func (r moreRows) ColumnTypePrecisionScale(int) (int64, int64, bool) { return 5, 2, true }
