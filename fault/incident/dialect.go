package incident

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// dialect is what differs between the databases.
type dialect struct {
	name string
	// forUpdate ends a SELECT whose rows are to be locked, skipLocked one that leaves out locked ones.
	forUpdate, skipLocked string
	// writing is a statement that takes the database's one write lock at the beginning of a
	// transaction, where there is such a lock and BEGIN may not have taken it.
	writing string
	// tableExists is a query that returns a row if the table $1 exists.
	tableExists string
}

func dialectOf(name string) (*dialect, error) {
	switch name {
	case "sqlite":
		return &dialect{
			name:        name,
			writing:     `UPDATE fault_turns SET value = value WHERE name = 'groups'`,
			tableExists: `SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1`,
		}, nil
	case "postgres":
		return &dialect{
			name:        name,
			forUpdate:   ` FOR UPDATE`,
			skipLocked:  ` FOR UPDATE SKIP LOCKED`,
			tableExists: `SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $1`,
		}, nil
	}
	return nil, fmt.Errorf("the dialect is %q; it must be \"sqlite\" or \"postgres\"", name)
}

// micros is a time as it is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// nullMicros is NULL for the zero time.
func nullMicros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// text makes a text that PostgreSQL takes: no NUL, valid UTF-8.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// list writes "$from, $from+1, …" for n parameters.
func list(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}

// tuples writes rows of width parameters each: "($1, $2), ($3, $4)".
func tuples(rows, width int) string {
	var b strings.Builder
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		b.WriteString(list(1+i*width, width))
		b.WriteByte(')')
	}
	return b.String()
}

// pieces are the numbers of rows or values that a statement is made for, so that there are few
// different texts to be prepared.
var pieces = [...]int{256, 64, 16, 4, 1}

// inPieces calls fn with parts of values, each as long as one of pieces.
func inPieces[T any](values []T, fn func(part []T) error) error {
	for _, n := range pieces {
		for len(values) >= n {
			if err := fn(values[:n:n]); err != nil {
				return err
			}
			values = values[n:]
		}
	}
	return nil
}

// args makes parameters of any values.
func args[T any](values []T) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

// querier runs statements.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// scan runs a query and calls fn for each row.
func scan(ctx context.Context, q querier, fn func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
