package app_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/journal"
	"example.org/microblog/internal/app"
)

// forgetful is a journal that never learns that a failure was counted, as when the process is killed before it can say so.
type forgetful struct{ *journal.Journal }

func (forgetful) Done(fault.Position) error { return errors.New("killed") }

// From outside, a failure that is counted and still in the journal is one failure.
func TestBooksFromOutside(t *testing.T) {
	t.Parallel()
	cfg := settings(t, t.TempDir(), nil)
	db, err := app.OpenStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := app.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	kept, err := journal.Open(journal.Options{Dir: app.Dirs(cfg).Journal})
	if err != nil {
		t.Fatal(err)
	}
	const failures = 5
	for i := range failures {
		f := &fault.Failure{ID: fault.ID{byte(i + 1)}, Time: time.Now().UTC(), Kind: fault.KindError, Message: "the disk is full"}
		if r := kept.Record(t.Context(), f); !r.Durable {
			t.Fatal(r.Err)
		}
	}
	book, err := incident.Open(incident.Options{DB: db.Writer(), Dialect: db.DialectName(), Dir: filepath.Join(t.TempDir(), "x"),
		Source: forgetful{kept}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	work, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- book.Run(work) }()
	for counted := int64(0); counted < failures; {
		if ctx := t.Context(); ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
		all, err := book.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if all[incident.New] == 1 {
			positions, err := book.Counted(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			counted = 0
			for _, n := range positions {
				counted += n
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	outside, err := app.OpenBook(cfg, db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	got, err := outside.Totals(t.Context())
	if err != nil || got.Captured != failures || got.Waiting != 0 {
		t.Errorf("%v, %v; want %d captured and none waiting", got, err, failures)
	}
	_ = kept.Close()
}
