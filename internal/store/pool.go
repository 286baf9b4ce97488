package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// pool runs statements on one *sql.DB and keeps them prepared where that pays.
type pool struct {
	db      *sql.DB
	prepare bool
	turns   chan struct{} // see Database.ShortReads; nil: without turns

	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

// turn waits for a turn, where there are turns, and returns the context for
// the statement. With an error there is no turn to give back.
func (p *pool) turn(ctx context.Context) (context.Context, error) {
	if p.turns == nil {
		return ctx, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.turns <- struct{}{}:
		return context.WithoutCancel(ctx), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pool) giveBack() {
	if p != nil && p.turns != nil {
		<-p.turns
	}
}

// rows are *sql.Rows that give the turn back when they are closed, which must
// happen once.
type rows struct {
	*sql.Rows
	pool *pool // nil: no turn was taken
}

func (r *rows) Close() error {
	defer r.pool.giveBack()
	return r.Rows.Close()
}

// row is a *sql.Row that gives the turn back when it is scanned, which must
// happen once.
type row struct {
	row  *sql.Row
	err  error // instead of row
	pool *pool // nil: no turn was taken
}

func (r *row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.pool.giveBack()
	return r.row.Scan(dest...)
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

func (p *pool) query(ctx context.Context, query string, args ...any) (*rows, error) {
	r, err := p.run(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return &rows{r, p}, nil
}

func (p *pool) run(ctx context.Context, query string, args []any) (r *sql.Rows, err error) {
	ctx, err = p.turn(ctx)
	if err != nil {
		return nil, err
	}
	st, err := p.stmt(ctx, query)
	switch {
	case err != nil:
	case st != nil:
		r, err = st.QueryContext(ctx, args...)
	default:
		r, err = p.db.QueryContext(ctx, query, args...)
	}
	if err != nil {
		p.giveBack()
	}
	return r, err
}

func (p *pool) queryRow(ctx context.Context, query string, args ...any) *row {
	detached, err := p.turn(ctx)
	if err != nil {
		return &row{err: err}
	}
	var r *sql.Row
	if st, err := p.stmt(detached, query); err == nil && st != nil {
		r = st.QueryRowContext(detached, args...)
	} else {
		// If preparing failed, this fails the same way and holds the error.
		r = p.db.QueryRowContext(detached, query, args...)
	}
	return &row{row: r, pool: p}
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
