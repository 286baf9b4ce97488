package incidenttest

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
)

// ErrInjected is what a call fails with that Faults was told to let fail.
var ErrInjected = errors.New("the database failed, as the test wants it")

// Outcome is what becomes of a call.
type Outcome int

// The outcomes.
const (
	Works  Outcome = iota
	Fails          // nothing happens
	Loses          // it happens, and the answer says that it failed: for a commit
	Hangs          // nothing happens, and there is no answer until the caller has had enough
	Closes         // nothing happens, and the connection is gone
)

// Faults decides what becomes of the calls of a database. The zero value lets everything work.
type Faults struct {
	mu     sync.Mutex
	decide func(call string) Outcome
}

// Set lets a function decide: about "CONNECT", "BEGIN", "COMMIT" and every statement by its text. nil:
// everything works.
func (f *Faults) Set(decide func(call string) Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decide = decide
}

// Down lets every call fail, as when there is no database.
func (f *Faults) Down() { f.Set(func(string) Outcome { return Closes }) }

// Up lets everything work.
func (f *Faults) Up() { f.Set(nil) }

// before decides about a call and does what its outcome is, but for Loses.
func (f *Faults) before(ctx context.Context, call string) (Outcome, error) {
	f.mu.Lock()
	decide := f.decide
	f.mu.Unlock()
	if decide == nil {
		return Works, nil
	}
	switch o := decide(call); o {
	case Fails:
		return o, ErrInjected
	case Closes:
		return o, driver.ErrBadConn
	case Hangs:
		<-ctx.Done()
		return o, ctx.Err()
	default:
		return o, nil
	}
}

// Connector returns a connector whose connections fail as Faults says.
func (f *Faults) Connector(to driver.Connector) driver.Connector { return &connector{to, f} }

type connector struct {
	driver.Connector
	f *Faults
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if _, err := c.f.before(ctx, "CONNECT"); err != nil {
		return nil, err
	}
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{inner, c.f}, nil
}

type conn struct {
	driver.Conn
	f *Faults
}

func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if _, err := c.f.before(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	inner, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	return &tx{inner, ctx, c.f}, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if _, err := c.f.before(ctx, query); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if _, err := c.f.before(ctx, query); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

type tx struct {
	driver.Tx
	ctx context.Context
	f   *Faults
}

func (t *tx) Commit() error {
	outcome, err := t.f.before(t.ctx, "COMMIT")
	if err != nil {
		// As when the connection breaks: the transaction is rolled back.
		return errors.Join(err, t.Tx.Rollback())
	}
	err = t.Tx.Commit()
	if outcome == Loses && err == nil {
		return ErrInjected
	}
	return err
}
