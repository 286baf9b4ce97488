package incident

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"example.org/microblog/fault"
)

// Source is where captured failures come from: a journal.
type Source interface {
	// Next waits for captured failures and returns at most max of them, of one stream, in order. Each
	// is returned once until Rewind.
	Next(ctx context.Context, max int) ([]fault.Captured, error)
	// Done tells that everything of the stream up to that position is kept elsewhere.
	Done(p fault.Position) error
	// Rewind makes Next return everything again that is not Done.
	Rewind()
	// Waiting returns how many failures are captured and not Done.
	Waiting() int64
}

// Options refine [Open]. Needed are Dir and a Source for Run.
type Options struct {
	// DB is the database, and Dialect what it is: "sqlite" or "postgres". Without one the state file
	// is the book. On SQLite the transactions that DB begins must be immediate ones, as with
	// modernc.org/sqlite's _txlock=immediate, or DB must have one connection.
	DB      *sql.DB
	Dialect string
	// Dir is for the state file. It is made if it is missing. Several processes may share it.
	Dir string
	// Source may be nil where Run is not called.
	Source Source
	Logger *slog.Logger // nil: slog.Default()
	// Mail says whether notices are wanted. Without it no notice is decided, and what happens counts
	// as not for mail.
	Mail      bool
	Policy    Policy
	Retention Retention
	Build     fault.Build      // of this program; zero: fault.ReadBuild
	Now       func() time.Time // nil: time.Now
}

// Policy is when somebody is told. Zero values stand for the defaults.
type Policy struct {
	LeastInterval time.Duration // between two mails of an incident; 10 minutes
	QuietAfter    time.Duration // without a failure an incident is quiet; 30 minutes
	PerHour       int           // mails over all incidents, before a summary takes the rest; 20
	Digest        time.Duration // until what no mail has covered gets into one; 24 hours
	WithoutSQL    time.Duration // of trouble with SQL until the state file takes over; 2 seconds
}

func (p Policy) withDefaults() Policy {
	def(&p.LeastInterval, 10*time.Minute)
	def(&p.QuietAfter, 30*time.Minute)
	def(&p.PerHour, 20)
	def(&p.Digest, 24*time.Hour)
	def(&p.WithoutSQL, 2*time.Second)
	return p
}

// Retention is what is kept, and for how long. Zero values stand for the defaults, which suit a small
// host.
type Retention struct {
	Unseen    time.Duration // an incident without failures goes; its totals stay in the books; 90 days
	Incidents int           // so many are kept, those seen last; 1,000
	Minutes   time.Duration // of per-minute history; 7 days
	Samples   int           // newest failures of an incident in full, and the first one; 10
	Users     int           // people of an incident that are told apart; 1,000
	Routes    int           // routes of an incident, likewise; 100
	IDs       int           // newest failure IDs that Find knows; 50,000
	Notices   time.Duration // after they were settled; 90 days
}

func (r Retention) withDefaults() Retention {
	def(&r.Unseen, 90*24*time.Hour)
	def(&r.Incidents, 1000)
	def(&r.Minutes, 7*24*time.Hour)
	def(&r.Samples, 10)
	def(&r.Users, 1000)
	def(&r.Routes, 100)
	def(&r.IDs, 50_000)
	def(&r.Notices, 90*24*time.Hour)
	return r
}

// def sets *v to its default unless it is positive.
func def[T time.Duration | int](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}
