package incident

import (
	"context"
	"encoding/json"
	"strings"
)

// write writes the changes of a transaction.
func (t *sqlTxn) write(ctx context.Context, ch *changes) error {
	if ch == nil {
		return nil
	}
	for _, step := range []func(context.Context, *changes) error{
		t.writeRecords, t.writeKeys, t.writeMinutes, t.writeTallies, t.writeSamples, t.writeIDs,
		t.writeNotices, t.writeRest, t.remove, t.expire,
	} {
		if err := step(ctx, ch); err != nil {
			return err
		}
	}
	return nil
}

// upsert writes rows of so many columns in few statements.
func upsert[T any](ctx context.Context, t *sqlTxn, rows []T, into, conflict string, columns int, values func(T) []any) error {
	return inPieces(rows, func(part []T) error {
		params := make([]any, 0, columns*len(part))
		for _, row := range part {
			params = append(params, values(row)...)
		}
		_, err := t.q.ExecContext(ctx, `INSERT INTO `+into+` VALUES `+tuples(len(part), columns)+` ON CONFLICT `+conflict, params...)
		return err
	})
}

func (t *sqlTxn) writeRecords(ctx context.Context, ch *changes) error {
	type row struct {
		*record
		data []byte
	}
	rows := make([]row, len(ch.Records))
	for i, r := range ch.Records {
		data, err := r.encode()
		if err != nil {
			return err
		}
		rows[i] = row{r, data}
	}
	return upsert(ctx, t, rows,
		`fault_incidents (id, state, last_at, due_at, deferred, since, words, failures, mailed, grouped, muted, given_up, not_for_mail, record)`,
		`(id) DO UPDATE SET state = excluded.state, last_at = excluded.last_at, due_at = excluded.due_at,
			deferred = excluded.deferred, since = excluded.since, words = excluded.words, failures = excluded.failures,
			mailed = excluded.mailed, grouped = excluded.grouped, muted = excluded.muted, given_up = excluded.given_up,
			not_for_mail = excluded.not_for_mail, record = excluded.record`,
		14, func(r row) []any {
			return []any{r.ID, string(r.State), micros(r.Last), nullMicros(r.Due), r.Deferred, nullMicros(r.Since), text(r.words()),
				r.Count, r.Mailed, r.Grouped, r.Muted, r.GivenUp, r.NotForMail, text(string(r.data))}
		})
}

func (t *sqlTxn) writeKeys(ctx context.Context, ch *changes) error {
	return upsert(ctx, t, ch.Keys, `fault_keys (key, incident_id, coarse, place, line, builds, seen_at)`,
		`(key) DO UPDATE SET incident_id = excluded.incident_id, builds = excluded.builds, seen_at = excluded.seen_at`,
		7, func(k *keyRow) []any {
			return []any{k.Key, k.Incident, k.Coarse, k.Place, k.Line, text(strings.Join(k.Builds, " ")), micros(k.At)}
		})
}

func (t *sqlTxn) writeMinutes(ctx context.Context, ch *changes) error {
	return upsert(ctx, t, ch.Minutes, `fault_minutes (incident_id, minute, failures)`,
		`(incident_id, minute) DO UPDATE SET failures = fault_minutes.failures + excluded.failures`,
		3, func(m minuteCount) []any { return []any{m.Incident, m.Minute, m.N} })
}

func (t *sqlTxn) writeTallies(ctx context.Context, ch *changes) error {
	return upsert(ctx, t, ch.Tallies, `fault_tallies (incident_id, kind, name, failures, first_at, last_at)`,
		`(incident_id, kind, name) DO UPDATE SET failures = fault_tallies.failures + excluded.failures,
			first_at = CASE WHEN excluded.first_at < fault_tallies.first_at THEN excluded.first_at ELSE fault_tallies.first_at END,
			last_at = CASE WHEN excluded.last_at > fault_tallies.last_at THEN excluded.last_at ELSE fault_tallies.last_at END`,
		6, func(c tallyCount) []any {
			return []any{c.Incident, c.Of, text(c.Name), c.N, micros(c.First), micros(c.Last)}
		})
}

func (t *sqlTxn) writeSamples(ctx context.Context, ch *changes) error {
	return upsert(ctx, t, ch.Samples, `fault_samples (incident_id, slot, failure_id, failed_at, failure)`,
		`(incident_id, slot) DO UPDATE SET failure_id = excluded.failure_id, failed_at = excluded.failed_at, failure = excluded.failure`,
		5, func(s sample) []any { return []any{s.Incident, s.Slot, s.ID[:], micros(s.At), s.Data} })
}

func (t *sqlTxn) writeIDs(ctx context.Context, ch *changes) error {
	return upsert(ctx, t, ch.IDs, `fault_failures (failure_id, incident_id, failed_at)`, `(failure_id) DO NOTHING`,
		3, func(f failureID) []any { return []any{f.ID[:], f.Incident, micros(f.At)} })
}

func (t *sqlTxn) writeNotices(ctx context.Context, ch *changes) error {
	type row struct {
		*noticeRow
		data []byte
	}
	rows := make([]row, 0, len(ch.Notices))
	for _, n := range ch.Notices {
		if n.cancelled {
			for _, statement := range []string{`DELETE FROM fault_covers WHERE notice_key = $1`, `DELETE FROM fault_notices WHERE key = $1`} {
				if _, err := t.q.ExecContext(ctx, statement, n.Key); err != nil {
					return err
				}
			}
			continue
		}
		data, err := json.Marshal(n)
		if err != nil {
			return err
		}
		rows = append(rows, row{n, data})
	}
	err := upsert(ctx, t, rows, `fault_notices (key, incident_id, state, decided_at, lease_until, owner, settled_at, notice)`,
		`(key) DO UPDATE SET state = excluded.state, lease_until = excluded.lease_until, owner = excluded.owner,
			settled_at = excluded.settled_at, notice = excluded.notice`,
		8, func(n row) []any {
			lease := int64(0)
			if !n.Lease.IsZero() {
				lease = micros(n.Lease)
			}
			return []any{n.Key, n.IncidentID, string(n.State), micros(n.At), lease, n.Owner, nullMicros(n.Settled), text(string(n.data))}
		})
	if err != nil {
		return err
	}
	return upsert(ctx, t, ch.Covers, `fault_covers (notice_key, incident_id, failures)`,
		`(notice_key, incident_id) DO UPDATE SET failures = fault_covers.failures + excluded.failures`,
		3, func(c cover) []any { return []any{c.Notice, c.Incident, c.N} })
}

func (t *sqlTxn) writeRest(ctx context.Context, ch *changes) error {
	now := micros(ch.Now)
	for name, done := range ch.Streams {
		if _, err := t.q.ExecContext(ctx, `INSERT INTO fault_streams (name, done, changed_at) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET done = excluded.done, changed_at = excluded.changed_at
			WHERE excluded.done > fault_streams.done`, name, done, now); err != nil {
			return err
		}
	}
	for _, b := range ch.Builds {
		if _, err := t.q.ExecContext(ctx, `INSERT INTO fault_builds (name, first_at) VALUES ($1, $2)
			ON CONFLICT (name) DO NOTHING`, text(b.Build), micros(b.At)); err != nil {
			return err
		}
	}
	if ch.Window == nil {
		return nil
	}
	data, err := json.Marshal(ch.Window)
	if err != nil {
		return err
	}
	_, err = t.q.ExecContext(ctx, `UPDATE fault_turns SET value = $1 WHERE name = 'hour'`, string(data))
	return err
}

// remove removes incidents with all that is theirs. Their failures' IDs and notices go by age.
func (t *sqlTxn) remove(ctx context.Context, ch *changes) error {
	return inPieces(ch.Removed, func(part []string) error {
		for _, table := range []string{"keys", "minutes", "tallies", "samples"} {
			if _, err := t.q.ExecContext(ctx, `DELETE FROM fault_`+table+` WHERE incident_id IN (`+list(1, len(part))+`)`, args(part)...); err != nil {
				return err
			}
		}
		_, err := t.q.ExecContext(ctx, `DELETE FROM fault_incidents WHERE id IN (`+list(1, len(part))+`)`, args(part)...)
		return err
	})
}

// expire removes what is too old. It is done again soon, so nobody waits for rows that others lock.
func (t *sqlTxn) expire(ctx context.Context, ch *changes) error {
	e := ch.Expire
	if e == nil {
		return nil
	}
	for _, c := range []struct {
		statement string
		param     any
	}{
		{`DELETE FROM fault_minutes WHERE minute < $1`, e.Minutes},
		{`DELETE FROM fault_samples WHERE slot > $1`, e.Slots},
		{`DELETE FROM fault_covers WHERE notice_key IN (SELECT key FROM fault_notices WHERE settled_at < $1)`, micros(e.Notices)},
		{`DELETE FROM fault_notices WHERE settled_at < $1`, micros(e.Notices)},
		{`DELETE FROM fault_streams WHERE changed_at < $1`, micros(e.Streams)},
		{`DELETE FROM fault_imports WHERE imported_at < $1`, micros(e.Streams)},
		{`DELETE FROM fault_failures WHERE failed_at < (SELECT failed_at FROM fault_failures ORDER BY failed_at DESC LIMIT 1 OFFSET $1)`, e.IDs},
	} {
		if _, err := t.q.ExecContext(ctx, c.statement, c.param); err != nil {
			return err
		}
	}
	return nil
}

// words is what a search looks at.
func (r *record) words() string {
	return strings.ToLower(strings.Join([]string{r.Title, r.Culprit, r.ErrorType, r.ID}, " "))
}
