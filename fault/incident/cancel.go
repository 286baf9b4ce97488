package incident

import "context"

// cancel takes back the notices that the database has and nobody has claimed, if the file has told the
// same without knowing of them. What they cover is covered by a later one.
func (im *importing) cancel(ctx context.Context) error {
	told := im.told()
	if len(told) == 0 {
		return nil
	}
	rows, err := im.t.claimable(ctx, im.u.now, maxBatch)
	if err != nil {
		return err
	}
	for _, n := range rows {
		r, t := im.records[n.IncidentID], told[n.IncidentID]
		if r == nil || t == nil || !n.Lease.IsZero() || t.knew >= n.Version || n.Kind != First && !t.kinds[n.Kind] {
			continue
		}
		n.cancelled = true
		im.ch.Notices = append(im.ch.Notices, n)
		if r.Uncovered == 0 {
			r.Since = n.At
		}
		r.Uncovered += n.Covers
		im.changed[r.ID] = true
	}
	return nil
}

// toldOf is what the file has told of an incident.
type toldOf struct {
	knew  int64 // the version in the database that the file went by, 0 for none
	kinds map[NoticeKind]bool
}

// told returns what the file has told, by the database's incidents.
func (im *importing) told() map[string]*toldOf {
	told := map[string]*toldOf{}
	for key, covers := range im.m.covers {
		for _, c := range covers {
			r, n := im.m.records[c.Incident], im.m.notices[key]
			if r == nil || n == nil || r.ID == gone {
				continue
			}
			id := im.target(r.ID)
			if told[id] == nil {
				told[id] = &toldOf{knew: r.SeedAt, kinds: map[NoticeKind]bool{}}
			}
			told[id].kinds[n.Kind] = true
		}
	}
	return told
}
