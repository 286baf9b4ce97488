package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"example.org/microblog/fault/trace"
)

// pool runs statements on one *sql.DB and keeps them prepared where that pays.
type pool struct {
	db      *sql.DB
	prepare bool

	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

// stmt returns the prepared form of a query, or nil where none is wanted. The
// queries are constants of this package, so their number is bounded.
func (p *pool) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if !p.prepare {
		return nil, nil
	}
	p.mu.RLock()
	st := p.stmts[query]
	p.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	st, err := p.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.stmts[query]; other != nil {
		st.Close()
		return other, nil
	}
	if p.stmts == nil {
		p.stmts = map[string]*sql.Stmt{}
	}
	p.stmts[query] = st
	return st, nil
}

func (p *pool) query(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	start := time.Now()
	st, err := p.stmt(ctx, query)
	switch {
	case err != nil:
	case st != nil:
		rows, err = st.QueryContext(ctx, args...)
	default:
		rows, err = p.db.QueryContext(ctx, query, args...)
	}
	note(ctx, query, start, err)
	return rows, err
}

func (p *pool) queryRow(ctx context.Context, query string, args ...any) (row *sql.Row) {
	start := time.Now()
	if st, err := p.stmt(ctx, query); err == nil && st != nil {
		row = st.QueryRowContext(ctx, args...)
	} else {
		// If preparing failed, this fails the same way and holds the error.
		row = p.db.QueryRowContext(ctx, query, args...)
	}
	note(ctx, query, start, row.Err())
	return row
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, st := range p.stmts {
		errs = append(errs, st.Close())
	}
	p.stmts, p.prepare = nil, false
	return errors.Join(append(errs, p.db.Close())...)
}

// note adds a statement to the record of what the request did. Arguments stay
// out: they are what people typed, hashes and tokens.
func note(ctx context.Context, query string, start time.Time, err error) {
	step := trace.Step{Time: start, Kind: "sql", Text: query, Duration: time.Since(start)}
	if err != nil {
		step.Err = err.Error()
	}
	trace.Note(ctx, step)
}
