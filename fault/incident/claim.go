package incident

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// maxClaimed bounds what one Claim returns.
const maxClaimed = 100

// Claim returns at most max notices that nobody else works on, oldest first, and keeps them for this
// process for a minute. After that, or when the next process with the same Dir claims for the first
// time, they can be claimed again until they are Queued: whoever hands them on must do so once under
// their Key. A max beyond 100 counts as 100.
func (b *Book) Claim(ctx context.Context, max int) ([]Notice, error) {
	notices, err := b.claim(ctx, min(max, maxClaimed))
	return notices, explain(err, "claiming notices")
}

func (b *Book) claim(ctx context.Context, max int) ([]Notice, error) {
	if max <= 0 {
		return nil, nil
	}
	b.claims.Lock()
	defer b.claims.Unlock()
	if b.claims.owner == (owner{}) {
		dir, err := directoryName(b.o.Dir)
		if err != nil {
			return nil, err
		}
		b.claims.owner = owner{dir, randomName()}
	}
	in := b.store()
	if in == store(b.sql) && b.file.exists() {
		// What the file has told must be known first. Run takes it over at once, and then says so.
		return nil, nil
	}
	// A look first: a transaction that writes is not for nothing.
	now, released := b.rules().now, b.claims.released[in]
	n, err := in.next(ctx)
	if err != nil || n.lease.IsZero() || released && !n.lease.Before(now) {
		return nil, err
	}
	maps.DeleteFunc(b.claims.given, func(_ string, at time.Time) bool { return now.Sub(at) > leaseFor })
	var rows []*noticeRow
	b.learning.Lock()
	err = b.transact(ctx, in, func(ctx context.Context, s *session) (err error) {
		rows, err = s.claim(ctx, b.claims.owner, func(n *noticeRow) bool {
			_, given := b.claims.given[n.Key]
			return !released && !(given && n.Owner == b.claims.owner.String())
		}, max)
		return err
	})
	b.learning.Unlock()
	var notices []Notice
	for _, row := range rows {
		if err != nil {
			break
		}
		var n Notice
		if n, err = complete(ctx, in, row); err == nil {
			notices = append(notices, n)
			b.claims.given[n.Key] = now
		}
	}
	// What was perhaps claimed and not given is released the next time.
	b.claims.released[in] = err == nil
	if len(notices) > 0 {
		return notices, nil
	}
	return nil, err
}

// complete adds what is known now.
func complete(ctx context.Context, in store, row *noticeRow) (n Notice, err error) {
	n = row.Notice
	if !row.own() {
		n.Items, err = in.items(ctx, n.Key)
		return n, err
	}
	r, err := in.incident(ctx, n.IncidentID)
	if err != nil {
		return n, err
	}
	if r == nil {
		n.Incident = Incident{ID: n.IncidentID, Title: "An incident that is no longer kept"}
		return n, nil
	}
	n.Incident = r.Incident
	if n.Spell.Users, err = in.people(ctx, n.IncidentID, n.Spell.First); err != nil {
		return n, err
	}
	if row.Sample != (fault.ID{}) {
		if n.Failure, err = in.sample(ctx, n.IncidentID, row.Sample); n.Failure != nil || err != nil {
			return n, err
		}
	}
	samples, err := in.samples(ctx, n.IncidentID, 1)
	if len(samples) > 0 {
		n.Failure = samples[0]
	}
	return n, err
}

// Queued notes that the notice was handed over for delivery, durably. It may be said again. With
// ErrNoSQL it should be said again later.
func (b *Book) Queued(ctx context.Context, key string) error {
	err := b.progress(ctx, func(ctx context.Context, s *session) (bool, error) { return s.queued(ctx, key) })
	return explain(err, "noting that notice "+quoteID(key)+" is on its way")
}

// Settle notes that the notice was delivered or given up. Saying it again changes nothing, nor does a
// key that is no longer known. With ErrNoSQL it must be said again later.
func (b *Book) Settle(ctx context.Context, key string, delivered bool) error {
	err := b.progress(ctx, func(ctx context.Context, s *session) (bool, error) { return s.settle(ctx, key, delivered) })
	return explain(err, "noting what became of notice "+quoteID(key))
}

// progress notes how far a notice has come, where the notice is.
func (b *Book) progress(ctx context.Context, fn func(context.Context, *session) (found bool, err error)) error {
	in, found := b.store(), false
	err := b.doIn(ctx, in, func(ctx context.Context, s *session) (err error) {
		found, err = fn(ctx, s)
		return err
	})
	if err != nil || found {
		return err
	}
	if b.sql != nil && (in == store(b.file) || b.file.exists()) {
		return ErrNoSQL // It is on the other side.
	}
	return nil
}

// directoryName returns the name by which the processes know each other that share a directory.
func directoryName(dir string) (string, error) {
	path := filepath.Join(dir, "incidents.name")
	for range 3 {
		data, err := os.ReadFile(path)
		if name := strings.TrimSpace(string(data)); err == nil && name != "" {
			return name, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		// Made whole under another name, so that nobody reads half of it.
		temporary := path + ".new-" + randomName()
		if err := os.WriteFile(temporary, []byte(randomName()+"\n"), 0o600); err != nil {
			return "", err
		}
		err = os.Link(temporary, path)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			err = rename(temporary, path) // There are no links here.
		}
		_ = os.Remove(temporary)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		time.Sleep(time.Millisecond)
	}
	return "", fmt.Errorf("%s cannot be read", path)
}
