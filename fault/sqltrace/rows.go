package sqltrace

import (
	"database/sql/driver"
	"io"
	"reflect"
	"time"

	"example.org/microblog/fault/trace"
)

// rows adds what reading them takes to the step of their statement. Where the driver tells nothing of a column, nor
// has further results, its methods say what database/sql takes a missing method for.
type rows struct {
	driver.Rows
	entry trace.Entry
	spent time.Duration // not yet added
}

// newRows wraps the rows of a statement that was noted, and no others.
func newRows(inner driver.Rows, entry trace.Entry) driver.Rows {
	if inner == nil || entry == (trace.Entry{}) {
		return inner
	}
	return &rows{Rows: inner, entry: entry}
}

func (r *rows) Next(dest []driver.Value) error {
	start := time.Now()
	err := r.Rows.Next(dest)
	r.spent += time.Since(start)
	if err != nil {
		r.add(err)
	}
	return err
}

func (r *rows) Close() error {
	start := time.Now()
	err := r.Rows.Close()
	r.spent += time.Since(start)
	r.add(err)
	return err
}

func (r *rows) add(err error) {
	if err == io.EOF {
		err = nil
	}
	r.entry.Add(r.spent, err)
	r.spent = 0
}

func (r *rows) HasNextResultSet() bool {
	n, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && n.HasNextResultSet()
}

func (r *rows) NextResultSet() error {
	n, ok := r.Rows.(driver.RowsNextResultSet)
	if !ok {
		return io.EOF
	}
	start := time.Now()
	err := n.NextResultSet()
	r.spent += time.Since(start)
	if err != nil {
		r.add(err)
	}
	return err
}

func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	if c, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return c.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	if c, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return c.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) {
	if c, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return c.ColumnTypeLength(i)
	}
	return 0, false
}

func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if c, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return c.ColumnTypeNullable(i)
	}
	return false, false
}

func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if c, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return c.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}
