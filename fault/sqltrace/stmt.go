package sqltrace

import (
	"context"
	"database/sql/driver"
	"time"
)

// stmt is a prepared statement. As with conn, the parts that make a difference are added by [newStmt].
type stmt struct {
	inner driver.Stmt
	conn  *conn
	query string
}

func (s *stmt) Close() error  { return s.inner.Close() }
func (s *stmt) NumInput() int { return s.inner.NumInput() }

func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.inner.Exec(args) //lint:ignore SA1019 a driver may have no other
}

func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.inner.Query(args) //lint:ignore SA1019 a driver may have no other
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	start := time.Now()
	r, err := execStmt(ctx, s.inner, args)
	s.conn.options.note(ctx, s.query, args, start, err)
	return r, err
}

func execStmt(ctx context.Context, s driver.Stmt, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := s.(driver.StmtExecContext); ok {
		return e.ExecContext(ctx, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Exec(values) //lint:ignore SA1019 a driver may have no other
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	start := time.Now()
	r, err := askStmt(ctx, s.inner, args)
	return newRows(r, s.conn.options.note(ctx, s.query, args, start, err)), err
}

func askStmt(ctx context.Context, s driver.Stmt, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := s.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Query(values) //lint:ignore SA1019 a driver may have no other
}

// The parts of a statement that not every driver has.
type (
	stmtCheck   struct{ of driver.NamedValueChecker }
	stmtConvert struct{ of driver.ColumnConverter } //lint:ignore SA1019 a driver may have no other
)

func (s stmtCheck) CheckNamedValue(v *driver.NamedValue) error { return s.of.CheckNamedValue(v) }
func (s stmtConvert) ColumnConverter(index int) driver.ValueConverter {
	return s.of.ColumnConverter(index)
}

// newStmt wraps a prepared statement. Whether it converts arguments decides who else does.
func newStmt(inner driver.Stmt, c *conn, query string) driver.Stmt {
	s := &stmt{inner, c, query}
	checker, checks := inner.(driver.NamedValueChecker)
	converter, converts := inner.(driver.ColumnConverter) //lint:ignore SA1019 a driver may have no other
	switch {
	case checks && converts:
		return &struct {
			*stmt
			stmtCheck
			stmtConvert
		}{s, stmtCheck{checker}, stmtConvert{converter}}
	case checks:
		return &struct {
			*stmt
			stmtCheck
		}{s, stmtCheck{checker}}
	case converts:
		return &struct {
			*stmt
			stmtConvert
		}{s, stmtConvert{converter}}
	}
	return s
}
