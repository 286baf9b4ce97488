package incident_test

import (
	"context"
	dbsql "database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/incident/incidenttest"
)

// start runs a Book until stop is called.
func start(b *incident.Book) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	return func() {
		cancel()
		<-done
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]incident.Options{
		"no directory":  {},
		"no dialect":    {Dir: t.TempDir(), DB: &dbsql.DB{}},
		"an odd one":    {Dir: t.TempDir(), DB: &dbsql.DB{}, Dialect: "oracle"},
		"not to be had": {Dir: "/dev/null/x"},
	} {
		if b, err := incident.Open(o); err == nil || b != nil || !strings.HasPrefix(err.Error(), "opening the incidents: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, err := incident.Open(incident.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(t.Context()); err == nil {
		t.Error("it ran without a source")
	}
}

func TestTotalsString(t *testing.T) {
	t.Parallel()
	for want, totals := range map[string]incident.Totals{
		"captured 0 = mailed 0 + grouped into a sent mail 0 + muted 0 + waiting 0": {},
		"captured 21 = mailed 1 + grouped into a sent mail 2 + muted 3 + waiting 4 + given up 5 + without mail 6": {
			Captured: 21, Mailed: 1, Grouped: 2, Muted: 3, Waiting: 4, GivenUp: 5, NotForMail: 6,
		},
	} {
		if got := totals.String(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	if len(incident.States()) != 6 {
		t.Error(incident.States())
	}
}

// The whole way of a failure: it is captured, grouped, told of and mended.
func Example() {
	dir, err := os.MkdirTemp("", "incidents")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	source := incidenttest.NewSource() // in an application: a *journal.Journal
	book, err := incident.Open(incident.Options{Dir: dir, Source: source, Mail: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = book.Run(ctx) }()

	source.Add(incidenttest.Failure(time.Now(), "profile", "user 4711 is missing", 42, incidenttest.ByUser("susan")))

	for range book.Changed() {
		notices, err := book.Claim(ctx, 10)
		if err != nil || len(notices) == 0 {
			continue
		}
		n := notices[0]
		fmt.Println(n.Kind, "notice:", n.Incident.Culprit, "in", n.Failure.Request.Route)
		_ = book.Queued(ctx, n.Key)       // once the mail is in the outbox
		_ = book.Settle(ctx, n.Key, true) // once it is delivered
		_ = book.Resolve(ctx, n.IncidentID, "john", false)
		break
	}
	totals, _ := book.Totals(ctx)
	fmt.Println(totals)
	// Output:
	// first notice: web.profile in GET /profile
	// captured 1 = mailed 1 + grouped into a sent mail 0 + muted 0 + waiting 0
}
