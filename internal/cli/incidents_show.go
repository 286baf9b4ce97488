package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/internal/app"
	"example.org/microblog/internal/config"
)

// What show prints of each list.
const (
	samplesShown = 20
	talliesShown = 10
	noticesShown = 20

	historySpan = 24 * time.Hour
	historyStep = 30 * time.Minute
)

// incidentsShow is microblog incidents show.
type incidentsShow struct {
	ID   string `arg:"" name:"id" help:"ID of an incident, or of a failure as it stands on the error page; or how it begins."`
	JSON bool   `name:"json" help:"Print one JSON object, for programs."`
}

// Run shows one incident.
func (c *incidentsShow) Run(ctx context.Context, in *invocation) error {
	if _, err := canonicalID(c.ID); err != nil {
		return err
	}
	return in.readBook(ctx, func(cfg config.Config, book *incident.Book) error {
		i, quoted, err := find(ctx, book, c.ID)
		if err != nil {
			return err
		}
		p, err := readDossier(ctx, book, i, time.Now())
		if err != nil {
			return fmt.Errorf("reading the incident %s: %w", i.ID, err)
		}
		p.quote(quoted)
		if link := app.IncidentLink(cfg); link != nil {
			p.link = link(i.ID)
		}
		if c.JSON {
			return p.writeJSON(in.Out)
		}
		w := &dossierWriter{out: in.terminal(), dossier: p, finder: app.Source(), base: app.PublicAddress(cfg)}
		w.write()
		return nil
	})
}

// A dossier is all that is shown of an incident.
type dossier struct {
	now      time.Time
	incident incident.Incident
	samples  []*fault.Failure // newest first
	shown    *fault.Failure   // the one in full; nil: none is kept
	quoted   *incident.Found  // the failure that was asked for; nil: the incident itself was
	notices  []incident.Told
	routes   []incident.Tally
	users    []incident.Tally
	from     time.Time // of history
	history  []int64   // failures in each historyStep
	link     string
}

func readDossier(ctx context.Context, book *incident.Book, i incident.Incident, now time.Time) (*dossier, error) {
	// The history covers whole steps, the last of which is not over yet.
	to := now.Truncate(historyStep).Add(historyStep)
	p := &dossier{now: now, incident: i, from: to.Add(-historySpan)}
	var samples, notices, routes, users, history error
	p.samples, samples = book.Samples(ctx, i.ID, samplesShown)
	p.notices, notices = book.Notices(ctx, i.ID)
	p.routes, routes = book.Routes(ctx, i.ID)
	p.users, users = book.Users(ctx, i.ID)
	p.history, history = book.History(ctx, i.ID, p.from, to, historyStep)
	if err := errors.Join(samples, notices, routes, users, history); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.samples, func(a, b *fault.Failure) int { return b.Time.Compare(a.Time) })
	if len(p.samples) > 0 {
		p.shown = p.samples[0]
	}
	return p, nil
}

// quote shows the failure that was asked for, where it is kept.
func (p *dossier) quote(found *incident.Found) {
	p.quoted = found
	if found != nil && found.Failure != nil {
		p.shown = found.Failure
	}
}
