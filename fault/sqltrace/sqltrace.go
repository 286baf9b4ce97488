// Package sqltrace wraps a driver of database/sql so that what a request asks of the database is a part of its
// record: each statement with its arguments, how long it took and why it failed, noted by package trace.
//
// Where the application has a connector of its driver, it is wrapped; else the driver is, and registered under a name of its own:
//
//	db := sql.OpenDB(sqltrace.Connector(stdlib.GetConnector(*config), sqltrace.Options{})) // pgx
//
//	sql.Register("traced", sqltrace.Driver(mysql.MySQLDriver{}, sqltrace.Options{}))
//	db, err := sql.Open("traced", name)
//
// Statements are noted whose context has a record, which a fault.Catcher gives to each request; so pass the request's
// context to QueryContext and its like. Others go straight to the driver. A statement is one step of the kind "sql", whether it
// was prepared or not; so are BEGIN, COMMIT and ROLLBACK. The time is the driver's: that of running the statement and of
// reading its rows, not of waiting for a connection. A statement that fails as its rows are read is one that has failed.
// A step in the record can be one that database/sql ran again on another connection (driver.ErrBadConn).
//
// A wrapped driver does for database/sql what it does without: every optional interface is there if the driver has
// it, or does what database/sql does where it is missing, and [database/sql.DB.Driver] returns the driver itself. What [database/sql.Conn.Raw] hands out is the wrapper; [Unwrap]
// finds the driver's own connection in it.
package sqltrace

import (
	"context"
	"database/sql/driver"
	"io"
	"time"

	"example.org/microblog/fault/trace"
)

// Options configure what is noted. The zero value works.
type Options struct {
	// OmitArgs leaves arguments out of the record, because they are what people typed. Else they are noted as text, of
	// binary ones the size only. The record holds them as they are; before a fault.Catcher records a failure it masks
	// the secrets in them, and all arguments of a statement that names a column for secrets.
	OmitArgs bool
}

// Connector wraps a connector, for sql.OpenDB. Its Driver is that of c.
func Connector(c driver.Connector, o Options) driver.Connector { return &connector{c, o} }

type connector struct {
	driver.Connector
	options Options
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	start := time.Now()
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		noteStatement(ctx, "CONNECT", start, err)
		return nil, err
	}
	return newConn(inner, c.options), nil
}

// Close closes a connector that can be closed, as sql.DB.Close does.
func (c *connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Driver wraps a driver, for sql.Register.
func Driver(d driver.Driver, o Options) driver.Driver { return &wrapped{d, o} }

type wrapped struct {
	driver.Driver
	options Options
}

func (d *wrapped) Open(name string) (driver.Conn, error) {
	inner, err := d.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return newConn(inner, d.options), nil
}

func (d *wrapped) OpenConnector(name string) (driver.Connector, error) {
	var inner driver.Connector = named{d.Driver, name}
	if c, ok := d.Driver.(driver.DriverContext); ok {
		var err error
		if inner, err = c.OpenConnector(name); err != nil {
			return nil, err
		}
	}
	return Connector(inner, d.options), nil
}

// named is the connector that database/sql makes for a driver that has none.
type named struct {
	driver driver.Driver
	name   string
}

func (n named) Connect(context.Context) (driver.Conn, error) { return n.driver.Open(n.name) }
func (n named) Driver() driver.Driver                        { return n.driver }

// Unwrap returns the driver's own connection of one that [database/sql.Conn.Raw] hands out, and any other value as
// it is.
//
//	err := conn.Raw(func(c any) error {
//		own := sqltrace.Unwrap(c).(*stdlib.Conn)
//		…
//	})
func Unwrap(driverConn any) any {
	if c, ok := driverConn.(interface{ traced() *conn }); ok {
		return c.traced().inner
	}
	return driverConn
}

// noteStatement notes a statement without arguments.
func noteStatement(ctx context.Context, text string, start time.Time, err error) {
	if !trace.Recording(ctx) {
		return
	}
	step := trace.Step{Time: start, Kind: "sql", Text: text, Duration: time.Since(start)}
	if err != nil {
		step.Err = err.Error()
	}
	trace.Note(ctx, step)
}
