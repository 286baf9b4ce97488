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
	"time"

	"example.org/microblog/fault/sqltrace"
	"example.org/microblog/fault/trace"
)

// open opens a database of a kind of connections.
func open(t testing.TB, kind string, o sqltrace.Options) (*sql.DB, *script) {
	t.Helper()
	s := &script{conn: conns[kind], stmt: stmts["context"], rows: resultSets["bare"]}
	db := sql.OpenDB(sqltrace.Connector(&fakeConnector{&fakeDriver{s}, "here"}, o))
	t.Cleanup(func() { db.Close() })
	return db, s
}

// told is what a record holds, without the times.
func told(t *testing.T, ctx context.Context) []string {
	t.Helper()
	steps, _ := trace.Steps(ctx)
	var all []string
	for _, s := range steps {
		if s.Kind != "sql" || s.Time.IsZero() || s.Duration <= 0 {
			t.Errorf("step %+v", s)
		}
		text := s.Text
		if s.Args != nil {
			text += " with " + strings.Join(s.Args, "|")
		}
		if s.Err != "" {
			text += ": " + s.Err
		}
		all = append(all, text)
	}
	return all
}

func TestSteps(t *testing.T) {
	t.Parallel()
	read := func(ctx context.Context, db *sql.DB, query string, args ...any) error {
		r, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer r.Close()
		for r.Next() {
		}
		return r.Err()
	}
	tests := []struct {
		name string
		use  func(ctx context.Context, db *sql.DB, s *script) error
		want []string
		err  error
	}{
		{"nothing", func(context.Context, *sql.DB, *script) error { return nil }, nil, nil},
		{"exec", func(ctx context.Context, db *sql.DB, _ *script) error {
			_, err := db.ExecContext(ctx, "INSERT ?", 1)
			return err
		}, []string{"INSERT ? with 1"}, nil},
		{"exec fails", func(ctx context.Context, db *sql.DB, _ *script) error {
			_, err := db.ExecContext(ctx, "INSERT fail")
			return err
		}, []string{"INSERT fail: the database says no"}, errFails},
		{"query", func(ctx context.Context, db *sql.DB, _ *script) error { return read(ctx, db, "SELECT ?", "susan") },
			[]string{"SELECT ? with susan"}, nil},
		{"query fails", func(ctx context.Context, db *sql.DB, _ *script) error { return read(ctx, db, "SELECT fail") },
			[]string{"SELECT fail: the database says no"}, errFails},
		{"query fails when it is read", func(ctx context.Context, db *sql.DB, _ *script) error { return read(ctx, db, "SELECT breaks") },
			[]string{"SELECT breaks: the database says no"}, errFails},
		{"rows are not read", func(ctx context.Context, db *sql.DB, _ *script) error {
			var id int
			var name string
			return db.QueryRowContext(ctx, "SELECT").Scan(&id, &name)
		}, []string{"SELECT"}, nil},
		{"prepared", func(ctx context.Context, db *sql.DB, _ *script) error {
			p, err := db.PrepareContext(ctx, "INSERT ?")
			if err != nil {
				return err
			}
			defer p.Close()
			for i := range 2 {
				if _, err := p.ExecContext(ctx, i); err != nil {
					return err
				}
			}
			return nil
		}, []string{"INSERT ? with 0", "INSERT ? with 1"}, nil},
		{"prepared in vain", func(ctx context.Context, db *sql.DB, _ *script) error {
			_, err := db.PrepareContext(ctx, "INSERT syntax")
			return err
		}, []string{"INSERT syntax: the database says no"}, errFails},
		{"the driver leaves it to a prepared statement", func(ctx context.Context, db *sql.DB, s *script) error {
			s.skip = true
			_, err := db.ExecContext(ctx, "INSERT ?", 1)
			return errors.Join(err, read(ctx, db, "SELECT ?", 2))
		}, []string{"INSERT ? with 1", "SELECT ? with 2"}, nil},
		{"an error that only looks like that", func(ctx context.Context, db *sql.DB, s *script) error {
			_, err := db.ExecContext(ctx, "INSERT odd", 1)
			return err
		}, []string{"INSERT odd with 1: odd: driver: skip fast-path; continue as if unimplemented"}, driver.ErrSkip},
		{"a connection was bad", func(ctx context.Context, db *sql.DB, s *script) error {
			s.bad = 1
			_, err := db.ExecContext(ctx, "INSERT")
			return err
		}, []string{"INSERT: driver: bad connection", "INSERT"}, nil},
		{"committed", func(ctx context.Context, db *sql.DB, _ *script) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "INSERT")
			return errors.Join(err, tx.Commit())
		}, []string{"BEGIN", "INSERT", "COMMIT"}, nil},
		{"rolled back", func(ctx context.Context, db *sql.DB, _ *script) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			return tx.Rollback()
		}, []string{"BEGIN", "ROLLBACK"}, nil},
		{"arguments", func(ctx context.Context, db *sql.DB, _ *script) error {
			text := "pointed at"
			at := time.Date(2026, 11, 22, 14, 42, 52, 672e6, time.UTC)
			_, err := db.ExecContext(ctx, "INSERT ?", nil, 1.5, true, []byte("secret"), at, []string{"a", "b"}, sql.Named("name", "susan"), complex64(1), &text, (*string)(nil), new(struct{}))
			return err
		}, []string{"INSERT ? with NULL|1.5|true|(6 bytes)|2026-11-22T14:42:52.672Z|[a, b]|name=susan|(1+0i)|pointed at|NULL|(*struct {})"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, s := open(t, "all", sqltrace.Options{})
			ctx := trace.Begin(t.Context())
			if err := tt.use(ctx, db, s); !errors.Is(err, tt.err) {
				t.Errorf("the error is %v, want %v", err, tt.err)
			}
			if got := told(t, ctx); !slices.Equal(got, tt.want) {
				t.Errorf("the record holds %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOmitArgs(t *testing.T) {
	t.Parallel()
	db, _ := open(t, "bare", sqltrace.Options{OmitArgs: true})
	ctx := trace.Begin(t.Context())
	if _, err := db.ExecContext(ctx, "INSERT ?", "susan"); err != nil {
		t.Fatal(err)
	}
	if got := told(t, ctx); !slices.Equal(got, []string{"INSERT ?"}) {
		t.Errorf("the record holds %q", got)
	}
}

// Long arguments, and many, are not made into text as a whole.
func TestLongArguments(t *testing.T) {
	t.Parallel()
	db, _ := open(t, "all", sqltrace.Options{})
	ctx := trace.Begin(t.Context())
	args := make([]any, 50)
	args[0] = slices.Repeat([]string{strings.Repeat("x", 100)}, 1000)
	if _, err := db.ExecContext(ctx, "INSERT", args...); err != nil {
		t.Fatal(err)
	}
	steps, _ := trace.Steps(ctx)
	if a := steps[0].Args; len(a) != 33 || a[32] != "…" || len(a[0]) > 1300 || !strings.HasSuffix(a[0], "…") {
		t.Errorf("%d arguments, the first is %q", len(a), a[0])
	}
}

// The time of a statement is that of reading its rows as well.
func TestDurationOfRows(t *testing.T) {
	t.Parallel()
	db, _ := open(t, "all", sqltrace.Options{})
	ctx := trace.Begin(t.Context())
	r, err := db.QueryContext(ctx, "SELECT slow")
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
	}
	steps, _ := trace.Steps(ctx)
	if err := r.Err(); err != nil || len(steps) != 1 || steps[0].Duration < 3*time.Millisecond {
		t.Errorf("%v, %+v", err, steps)
	}
}

func TestConnectFails(t *testing.T) {
	t.Parallel()
	s := &script{}
	db := sql.OpenDB(sqltrace.Connector(&fakeConnector{&fakeDriver{s}, "away"}, sqltrace.Options{}))
	defer db.Close()
	ctx := trace.Begin(t.Context())
	if _, err := db.ExecContext(ctx, "INSERT"); err != errFails {
		t.Errorf("the error is %v", err)
	}
	if got := told(t, ctx); !slices.Equal(got, []string{"CONNECT: the database says no"}) {
		t.Errorf("the record holds %q", got)
	}
}

func TestConnectorCloses(t *testing.T) {
	t.Parallel()
	s := &script{}
	inner := &fakeDriver{s}
	db := sql.OpenDB(sqltrace.Connector(&fakeClosing{fakeConnector{inner, "here"}, s}, sqltrace.Options{}))
	if db.Driver() != driver.Driver(inner) {
		t.Errorf("the driver is %T", db.Driver())
	}
	if err := db.Close(); err != errFails || !slices.Equal(s.made(), []string{"close connector"}) {
		t.Errorf("closing: %v, %q", err, s.made())
	}
}

// A registered driver is opened in the way that it has.
func TestDriver(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]bool{"old": false, "context": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{conn: conns["all"], stmt: stmts["bare"], rows: resultSets["bare"]}
			var inner driver.Driver = &fakeDriver{s}
			if with {
				inner = &fakeContextDriver{fakeDriver{s}}
			}
			registered := fmt.Sprintf("sqltrace test %s %p", name, s) // a name of each run
			sql.Register(registered, sqltrace.Driver(inner, sqltrace.Options{}))
			if _, err := sql.Open(registered, "wrong"); (err == errFails) != with {
				t.Errorf("opening a wrong name: %v", err)
			}
			db, err := sql.Open(registered, "here")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			ctx := trace.Begin(t.Context())
			if _, err := db.ExecContext(ctx, "INSERT"); err != nil {
				t.Fatal(err)
			}
			if got := told(t, ctx); !slices.Equal(got, []string{"INSERT"}) {
				t.Errorf("the record holds %q", got)
			}
			if db.Driver() != inner {
				t.Errorf("the driver is %T", db.Driver())
			}
			if got := slices.Contains(s.made(), "connector here"); got != with {
				t.Errorf("asked was %q", s.made())
			}
		})
	}
}

func TestRaw(t *testing.T) {
	t.Parallel()
	db, _ := open(t, "bare", sqltrace.Options{})
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		if _, ok := sqltrace.Unwrap(c).(*fakeConn); !ok {
			return fmt.Errorf("it is a %T", sqltrace.Unwrap(c))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func BenchmarkQuery(b *testing.B) {
	for _, bench := range []struct {
		name      string
		connector driver.Connector
		ctx       context.Context
	}{
		{"without", &quiet{}, trace.Begin(context.Background())},
		{"no record", sqltrace.Connector(&quiet{}, sqltrace.Options{}), context.Background()},
		{"record", sqltrace.Connector(&quiet{}, sqltrace.Options{}), trace.Begin(context.Background())},
	} {
		b.Run(bench.name, func(b *testing.B) {
			db := sql.OpenDB(bench.connector)
			defer db.Close()
			b.ReportAllocs()
			for b.Loop() {
				var id int64
				if err := db.QueryRowContext(bench.ctx, "SELECT id FROM users WHERE name = $1", "susan").Scan(&id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// quiet is a database that answers every query with one row, at once.
type quiet struct{}

func (q *quiet) Connect(context.Context) (driver.Conn, error) { return q, nil }
func (q *quiet) Driver() driver.Driver                        { return nil }
func (q *quiet) Prepare(string) (driver.Stmt, error)          { return nil, errFails }
func (q *quiet) Begin() (driver.Tx, error)                    { return nil, errFails }
func (q *quiet) Close() error                                 { return nil }
func (q *quiet) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &quietRows{}, nil
}

type quietRows struct{ read bool }

func (r *quietRows) Columns() []string { return []string{"id"} }
func (r *quietRows) Close() error      { return nil }
func (r *quietRows) Next(dest []driver.Value) error {
	if r.read {
		return errFails
	}
	r.read, dest[0] = true, int64(1)
	return nil
}
