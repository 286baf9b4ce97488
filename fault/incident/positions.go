package incident

import (
	"context"
)

// Counted returns how far each stream of the Source is counted in the database, by the name of the
// stream; nil without one. For who looks at the Source from outside, where what was counted by a process
// that was killed before it could say so is still there.
func (b *Book) Counted(ctx context.Context) (map[string]int64, error) {
	if !b.usesSQL() {
		return nil, nil
	}
	db, stop := b.sql.read(ctx)
	defer stop()
	counted := map[string]int64{}
	err := scan(ctx, db, func(scan func(...any) error) error {
		var name string
		var done int64
		err := scan(&name, &done)
		counted[name] = done
		return err
	}, `SELECT name, done FROM fault_streams`)
	return counted, explain(err, "reading how far failures are counted")
}
