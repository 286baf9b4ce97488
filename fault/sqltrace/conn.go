package sqltrace

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"example.org/microblog/fault/trace"
)

// conn has what database/sql may find on any connection without a difference: where the driver has no such
// method, these do what database/sql does then. A difference make those on the parts below, which [newConn] adds
// if the driver has them.
type conn struct {
	inner   driver.Conn
	options Options
}

func (c *conn) traced() *conn { return c }

func (c *conn) Close() error { return c.inner.Close() }

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	start := time.Now()
	inner, err := prepare(ctx, c.inner, query)
	if err != nil {
		noteStatement(ctx, query, start, err)
		return nil, err
	}
	return newStmt(inner, c, query), nil
}

func prepare(ctx context.Context, c driver.Conn, query string) (driver.Stmt, error) {
	if p, ok := c.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	s, err := c.Prepare(query)
	if err == nil && ctx.Err() != nil {
		_ = s.Close() // That nobody wants it any more is what counts.
		return nil, ctx.Err()
	}
	return s, err
}

func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	start := time.Now()
	inner, err := begin(ctx, c.inner, o)
	noteStatement(ctx, "BEGIN", start, err)
	if err != nil || !trace.Recording(ctx) {
		return inner, err
	}
	return &tx{inner, ctx}, nil
}

func begin(ctx context.Context, c driver.Conn, o driver.TxOptions) (driver.Tx, error) {
	if b, ok := c.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, o)
	}
	if o.Isolation != 0 {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if o.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	t, err := c.Begin() //lint:ignore SA1019 a driver may have no other
	if err == nil && ctx.Err() != nil {
		_ = t.Rollback()
		return nil, ctx.Err()
	}
	return t, err
}

func (c *conn) Ping(ctx context.Context) error {
	if p, ok := c.inner.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.inner.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip // The default conversion comes next, or that of the statement.
}

// The parts of a connection that not every driver has.
type (
	connExec     struct{ of *conn }
	connQuery    struct{ of *conn }
	connReset    struct{ of driver.SessionResetter }
	connValidate struct{ of driver.Validator }
)

func (c connExec) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	start := time.Now()
	r, err := exec(ctx, c.of.inner, query, args)
	c.of.options.note(ctx, query, args, start, err)
	return r, err
}

func exec(ctx context.Context, c driver.Conn, query string, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := c.(driver.ExecerContext); ok {
		return e.ExecContext(ctx, query, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.(driver.Execer).Exec(query, values) //lint:ignore SA1019 a driver may have no other
}

func (c connQuery) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	start := time.Now()
	r, err := ask(ctx, c.of.inner, query, args)
	return newRows(r, c.of.options.note(ctx, query, args, start, err)), err
}

func ask(ctx context.Context, c driver.Conn, query string, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := c.(driver.QueryerContext); ok {
		return q.QueryContext(ctx, query, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.(driver.Queryer).Query(query, values) //lint:ignore SA1019 a driver may have no other
}

func (c connReset) ResetSession(ctx context.Context) error { return c.of.ResetSession(ctx) }
func (c connValidate) IsValid() bool                       { return c.of.IsValid() }

// unnamed are the arguments for a driver that knows nothing of names and contexts.
func unnamed(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, a := range args {
		if a.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = a.Value
	}
	return values, ctx.Err()
}

// newConn wraps a connection. Whether one can execute and query without a prepared statement decides how
// database/sql converts arguments. Whether it can both be reset and tell that it is valid decides whether it is kept
// when a transaction's context ends.
func newConn(inner driver.Conn, o Options) driver.Conn {
	const (
		execs = 1 << iota
		queries
		resets
		validates
	)
	c := &conn{inner, o}
	has := 0
	switch inner.(type) {
	case driver.ExecerContext, driver.Execer: //lint:ignore SA1019 a driver may have no other
		has |= execs
	}
	switch inner.(type) {
	case driver.QueryerContext, driver.Queryer: //lint:ignore SA1019 a driver may have no other
		has |= queries
	}
	var r connReset
	if resetter, ok := inner.(driver.SessionResetter); ok {
		has |= resets
		r.of = resetter
	}
	var v connValidate
	if validator, ok := inner.(driver.Validator); ok {
		has |= validates
		v.of = validator
	}
	e, q := connExec{c}, connQuery{c}
	switch has {
	case execs:
		return &struct {
			*conn
			connExec
		}{c, e}
	case queries:
		return &struct {
			*conn
			connQuery
		}{c, q}
	case execs | queries:
		return &struct {
			*conn
			connExec
			connQuery
		}{c, e, q}
	case resets:
		return &struct {
			*conn
			connReset
		}{c, r}
	case resets | execs:
		return &struct {
			*conn
			connExec
			connReset
		}{c, e, r}
	case resets | queries:
		return &struct {
			*conn
			connQuery
			connReset
		}{c, q, r}
	case resets | execs | queries:
		return &struct {
			*conn
			connExec
			connQuery
			connReset
		}{c, e, q, r}
	case validates:
		return &struct {
			*conn
			connValidate
		}{c, v}
	case validates | execs:
		return &struct {
			*conn
			connExec
			connValidate
		}{c, e, v}
	case validates | queries:
		return &struct {
			*conn
			connQuery
			connValidate
		}{c, q, v}
	case validates | execs | queries:
		return &struct {
			*conn
			connExec
			connQuery
			connValidate
		}{c, e, q, v}
	case validates | resets:
		return &struct {
			*conn
			connReset
			connValidate
		}{c, r, v}
	case validates | resets | execs:
		return &struct {
			*conn
			connExec
			connReset
			connValidate
		}{c, e, r, v}
	case validates | resets | queries:
		return &struct {
			*conn
			connQuery
			connReset
			connValidate
		}{c, q, r, v}
	case validates | resets | execs | queries:
		return &struct {
			*conn
			connExec
			connQuery
			connReset
			connValidate
		}{c, e, q, r, v}
	}
	return c
}

// tx is a transaction whose end is noted.
type tx struct {
	inner driver.Tx
	ctx   context.Context // that of BeginTx: the end is given none
}

func (t *tx) Commit() error   { return t.end("COMMIT", t.inner.Commit) }
func (t *tx) Rollback() error { return t.end("ROLLBACK", t.inner.Rollback) }

func (t *tx) end(text string, end func() error) error {
	start := time.Now()
	err := end()
	noteStatement(t.ctx, text, start, err)
	return err
}
