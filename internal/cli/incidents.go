package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault/incident"
	"example.org/microblog/internal/app"
	"example.org/microblog/internal/config"
	"example.org/microblog/internal/store"
)

// incidentsCommand is microblog incidents.
type incidentsCommand struct {
	List    incidentsList    `cmd:"" default:"withargs" help:"List the incidents, last seen first (this is what incidents does without a command)."`
	Show    incidentsShow    `cmd:"" help:"Show all that is known of an incident, or of the failure whose ID somebody quotes."`
	Resolve incidentsResolve `cmd:"" help:"Note that an incident is mended. If it comes back, that is told at once."`
	Mute    incidentsMute    `cmd:"" help:"Send no mails about an incident for a while. It is counted on."`
	Reopen  incidentsReopen  `cmd:"" help:"End a mute, or take back that an incident is mended."`
}

// shortestID is how many characters of an incident's ID must be given, at least.
const shortestID = 4

// withBook runs work on the incidents of the settings' database, which is brought up to date first.
func (in *invocation) withBook(ctx context.Context, work func(config.Config, *incident.Book) error) error {
	cfg, err := in.settings()
	if err != nil {
		return err
	}
	return withBook(ctx, cfg, func(book *incident.Book) error { return work(cfg, book) })
}

// readBook is withBook for work that only reads. While the database is gone, it reads what the state
// file holds: what was counted without it.
func (in *invocation) readBook(ctx context.Context, work func(config.Config, *incident.Book) error) error {
	cfg, err := in.settings()
	if err != nil {
		return err
	}
	began := false
	err = withBook(ctx, cfg, func(book *incident.Book) error {
		began = true
		return work(cfg, book)
	})
	dir := app.Dirs(cfg).Incidents
	if _, missing := os.Stat(dir); err == nil || began || missing != nil || ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(in.Err, "microblog: %v\nThis is only what was counted while the database was gone:\n", err)
	book, err := incident.Open(incident.Options{Dir: dir, Mail: cfg.Mail.Enabled(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { _ = book.Close() }() // nothing was written
	return work(cfg, book)
}

func withBook(ctx context.Context, cfg config.Config, work func(*incident.Book) error) error {
	return withExistingStore(ctx, cfg, func(db *store.Store) (err error) {
		if _, err := app.Migrate(ctx, db); err != nil {
			return err
		}
		// What the Book has to say is said by its errors here, not in a log.
		book, err := app.OpenBook(cfg, db, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, book.Close()) }()
		return bookError(work(book))
	})
}

// bookError adds to an error of the Book what to do about it.
func bookError(err error) error {
	if errors.Is(err, incident.ErrNoSQL) {
		return fmt.Errorf("%w; microblog doctor tells more about the database", err)
	}
	return err
}

// person is who makes a change from this terminal, for the incident's record.
func (in *invocation) person() string {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if name == "" {
		name, _ = in.LookupEnv("USER")
	}
	host, err := os.Hostname()
	if name == "" || err != nil {
		return strings.TrimSpace(name + " at a terminal")
	}
	return name + "@" + host
}

// canonicalID writes the beginning of an ID in Crockford's base 32 as it is kept: in upper case and
// without hyphens, O as 0, I and L as 1; https://www.crockford.com/base32.html.
func canonicalID(s string) (string, error) {
	var b strings.Builder
	for _, c := range strings.ToUpper(s) {
		switch c {
		case '-', ' ':
			continue
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		if !strings.ContainsRune("0123456789ABCDEFGHJKMNPQRSTVWXYZ", c) {
			return "", &usageError{fmt.Sprintf("%q is no ID: %q cannot be part of one. IDs look like 7F3K-92QD", plainText(s), c)}
		}
		b.WriteRune(c)
	}
	if b.Len() < shortestID {
		return "", &usageError{fmt.Sprintf("%q is too short for an ID: at least %d characters are needed", plainText(s), shortestID)}
	}
	return b.String(), nil
}

// find returns the one incident that an ID, or the beginning of one, stands for: its own, or that of
// one of its failures. If it was a failure's, that is returned, too.
func find(ctx context.Context, book *incident.Book, id string) (incident.Incident, *incident.Found, error) {
	prefix, err := canonicalID(id)
	if err != nil {
		return incident.Incident{}, nil, err
	}
	found, err := book.Find(ctx, prefix)
	if err != nil {
		return incident.Incident{}, nil, err
	}
	var (
		incidents []incident.Incident
		failures  []incident.Found
	)
	for _, f := range found {
		if f.ID.HasPrefix(prefix) {
			failures = append(failures, f)
		}
		if !slices.ContainsFunc(incidents, func(i incident.Incident) bool { return i.ID == f.Incident.ID }) {
			incidents = append(incidents, f.Incident)
		}
	}
	switch {
	case len(incidents) == 0:
		return incident.Incident{}, nil, fmt.Errorf("no incident and no failure has the ID %s; microblog incidents lists the incidents", plainText(id))
	case len(incidents) > 1:
		lines := []string{fmt.Sprintf("%s stands for several incidents; give more of the ID:", plainText(id))}
		for _, i := range incidents {
			lines = append(lines, fmt.Sprintf("  %s  %s", i.ID, fit(plainText(i.Title), 60)))
		}
		return incident.Incident{}, nil, errors.New(strings.Join(lines, "\n"))
	case len(failures) > 0:
		return incidents[0], &failures[0], nil
	}
	return incidents[0], nil, nil
}

// moment writes a time as people at this machine read it, with how long ago it was.
func moment(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Local().Format("2006-01-02 15:04:05 MST") + ", " + ago(now.Sub(at))
}
