package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// sqlTxn is a transaction in SQL.
type sqlTxn struct {
	q querier
	d *dialect
}

var _ txn = (*sqlTxn)(nil)

func (t *sqlTxn) done(ctx context.Context, stream string) (done int64, err error) {
	read := func() (found bool, err error) {
		err = scan(ctx, t.q, func(scan func(...any) error) error { found = true; return scan(&done) },
			`SELECT done FROM fault_streams WHERE name = $1`+t.d.forUpdate, stream)
		return found, err
	}
	found, err := read()
	if found || err != nil {
		return done, err
	}
	// So that there is a row to be locked.
	if _, err := t.q.ExecContext(ctx, `INSERT INTO fault_streams (name, done, changed_at) VALUES ($1, 0, 0)
		ON CONFLICT (name) DO NOTHING`, stream); err != nil {
		return 0, err
	}
	_, err = read()
	return done, err
}

func (t *sqlTxn) turn(ctx context.Context, name string) (value string, err error) {
	err = scan(ctx, t.q, func(scan func(...any) error) error { return scan(&value) },
		`SELECT value FROM fault_turns WHERE name = $1`+t.d.forUpdate, name)
	return value, err
}

func (t *sqlTxn) lockGroups(ctx context.Context) error {
	_, err := t.turn(ctx, "groups")
	return err
}

func (t *sqlTxn) window(ctx context.Context) (w window, err error) {
	value, err := t.turn(ctx, "hour")
	if err != nil {
		return w, err
	}
	err = json.Unmarshal([]byte(value), &w)
	return w, err
}

func (t *sqlTxn) keys(ctx context.Context, keys []string) ([]*keyRow, error) {
	return t.keysWhere(ctx, `key`, keys)
}

func (t *sqlTxn) related(ctx context.Context, places []string) ([]*keyRow, error) {
	return t.keysWhere(ctx, `place`, places)
}

func (t *sqlTxn) keysWhere(ctx context.Context, column string, values []string) (rows []*keyRow, err error) {
	err = inPieces(values, func(part []string) error {
		return scan(ctx, t.q, func(scan func(...any) error) error {
			k := new(keyRow)
			var builds string
			var at int64
			if err := scan(&k.Key, &k.Incident, &k.Coarse, &k.Place, &k.Line, &builds, &at); err != nil {
				return err
			}
			k.Builds, k.At = strings.Fields(builds), fromMicros(at)
			rows = append(rows, k)
			return nil
		}, `SELECT key, incident_id, coarse, place, line, builds, seen_at FROM fault_keys
			WHERE `+column+` IN (`+list(1, len(part))+`)`, args(part)...)
	})
	return rows, err
}

// load locks in the order of the IDs: within a piece by the database, and the pieces follow each
// other.
func (t *sqlTxn) load(ctx context.Context, ids []string) (map[string]*record, error) {
	found := make(map[string]*record, len(ids))
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	err := inPieces(ids, func(part []string) error {
		return scan(ctx, t.q, func(scan func(...any) error) error {
			r, err := scanRecord(scan)
			if err == nil {
				found[r.ID] = r
			}
			return err
		}, `SELECT record FROM fault_incidents WHERE id IN (`+list(1, len(part))+`) ORDER BY id`+t.d.forUpdate, args(part)...)
	})
	return found, err
}

func scanRecord(scan func(...any) error) (*record, error) {
	var data []byte
	if err := scan(&data); err != nil {
		return nil, err
	}
	r, err := decodeRecord(data)
	if err != nil {
		return nil, fmt.Errorf("reading an incident: %w", err)
	}
	return r, nil
}

func (t *sqlTxn) known(ctx context.Context, tallies []tallyKey) (map[tallyKey]bool, error) {
	known := make(map[tallyKey]bool, len(tallies))
	err := inPieces(tallies, func(part []tallyKey) error {
		params := make([]any, 0, 3*len(part))
		for _, k := range part {
			params = append(params, k.Incident, k.Of, k.Name)
		}
		return scan(ctx, t.q, func(scan func(...any) error) error {
			var k tallyKey
			err := scan(&k.Incident, &k.Of, &k.Name)
			known[k] = true
			return err
		}, `SELECT incident_id, kind, name FROM fault_tallies
			WHERE (incident_id, kind, name) IN (VALUES `+tuples(len(part), 3)+`)`, params...)
	})
	return known, err
}

func (t *sqlTxn) counted(ctx context.Context, ids []fault.ID) (map[fault.ID]bool, error) {
	counted := make(map[fault.ID]bool, len(ids))
	err := inPieces(ids, func(part []fault.ID) error {
		params := make([]any, len(part))
		for i := range part {
			params[i] = part[i][:]
		}
		return scan(ctx, t.q, func(scan func(...any) error) error {
			id, err := scanID(scan)
			counted[id] = true
			return err
		}, `SELECT failure_id FROM fault_failures WHERE failure_id IN (`+list(1, len(part))+`)`, params...)
	})
	return counted, err
}

// scanID reads a failure's ID and further columns.
func scanID(scan func(...any) error, further ...any) (id fault.ID, err error) {
	var raw []byte
	if err := scan(append([]any{&raw}, further...)...); err != nil {
		return id, err
	}
	if copy(id[:], raw) != len(id) {
		return id, fmt.Errorf("a failure's ID has %d bytes", len(raw))
	}
	return id, nil
}

func (t *sqlTxn) builds(ctx context.Context, names []string) (map[string]time.Time, error) {
	builds := make(map[string]time.Time, len(names))
	err := inPieces(names, func(part []string) error {
		return scan(ctx, t.q, func(scan func(...any) error) error {
			var name string
			var at int64
			err := scan(&name, &at)
			builds[name] = fromMicros(at)
			return err
		}, `SELECT name, first_at FROM fault_builds WHERE name IN (`+list(1, len(part))+`)`, args(part)...)
	})
	return builds, err
}

func (t *sqlTxn) notice(ctx context.Context, key string) (n *noticeRow, err error) {
	err = scan(ctx, t.q, func(scan func(...any) error) (err error) { n, err = scanNotice(scan); return err },
		`SELECT notice FROM fault_notices WHERE key = $1`+t.d.forUpdate, key)
	return n, err
}

func scanNotice(scan func(...any) error) (*noticeRow, error) {
	var data []byte
	if err := scan(&data); err != nil {
		return nil, err
	}
	n := new(noticeRow)
	if err := json.Unmarshal(data, n); err != nil {
		return nil, fmt.Errorf("reading a notice: %w", err)
	}
	return n, nil
}

func (t *sqlTxn) covers(ctx context.Context, key string) (covers []cover, err error) {
	err = scan(ctx, t.q, func(scan func(...any) error) error {
		c := cover{Notice: key}
		err := scan(&c.Incident, &c.N)
		covers = append(covers, c)
		return err
	}, `SELECT incident_id, failures FROM fault_covers WHERE notice_key = $1 ORDER BY incident_id`, key)
	return covers, err
}

func (t *sqlTxn) ids(ctx context.Context, query string, params ...any) (ids []string, err error) {
	err = scan(ctx, t.q, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	}, query, params...)
	return ids, err
}

func (t *sqlTxn) dueBy(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return t.ids(ctx, `SELECT id FROM fault_incidents WHERE due_at <= $1 ORDER BY due_at LIMIT $2`, micros(now), limit)
}

func (t *sqlTxn) deferredBefore(ctx context.Context, hour int64) ([]string, error) {
	return t.ids(ctx, `SELECT id FROM fault_incidents WHERE since IS NOT NULL AND deferred <> 0 AND deferred < $1`, hour)
}

func (t *sqlTxn) uncovered(ctx context.Context, since time.Time) ([]string, error) {
	return t.ids(ctx, `SELECT id FROM fault_incidents WHERE since IS NOT NULL
		AND EXISTS (SELECT 1 FROM fault_incidents AS late WHERE late.since <= $1 AND late.deferred = 0)`, micros(since))
}

func (t *sqlTxn) excess(ctx context.Context, unseen time.Time, keep, limit int) ([]string, error) {
	return t.ids(ctx, `SELECT id FROM fault_incidents WHERE id <> ''
		AND (last_at < $1 OR id NOT IN (SELECT id FROM fault_incidents WHERE id <> '' ORDER BY last_at DESC, id DESC LIMIT $2))
		AND id NOT IN (SELECT incident_id FROM fault_notices WHERE settled_at IS NULL)
		ORDER BY last_at, id LIMIT $3`, micros(unseen), keep, limit)
}

func (t *sqlTxn) lost(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return t.ids(ctx, `SELECT key FROM fault_notices WHERE settled_at IS NULL AND state = 'queued' AND decided_at < $1
		ORDER BY decided_at LIMIT $2`, micros(before), limit)
}

func (t *sqlTxn) claimable(ctx context.Context, now time.Time, max int) ([]*noticeRow, error) {
	return t.notices(ctx, `SELECT notice FROM fault_notices WHERE settled_at IS NULL AND state = 'pending' AND lease_until < $1
		ORDER BY decided_at, key LIMIT $2`+t.d.skipLocked, micros(now), max)
}

func (t *sqlTxn) claimedBy(ctx context.Context, prefix string) ([]*noticeRow, error) {
	return t.notices(ctx, `SELECT notice FROM fault_notices WHERE settled_at IS NULL AND state = 'pending' AND lease_until > 0
		AND owner LIKE $1 ORDER BY key`+t.d.forUpdate, prefix+"%")
}

func (t *sqlTxn) notices(ctx context.Context, query string, params ...any) (rows []*noticeRow, err error) {
	err = scan(ctx, t.q, func(scan func(...any) error) error {
		n, err := scanNotice(scan)
		rows = append(rows, n)
		return err
	}, query, params...)
	return rows, err
}
