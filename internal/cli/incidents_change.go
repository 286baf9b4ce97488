package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault/incident"
	"example.org/microblog/internal/config"
)

// incidentsResolve is microblog incidents resolve.
type incidentsResolve struct {
	ID        []string `arg:"" name:"id" help:"IDs of incidents or of their failures, or how they begin."`
	NextBuild bool     `help:"It is mended in the next build: what still comes from builds seen so far does not count as coming back."`
}

// Run resolves incidents.
func (c *incidentsResolve) Run(ctx context.Context, in *invocation) error {
	return in.change(ctx, c.ID, func(book *incident.Book, i incident.Incident) (string, error) {
		if err := book.Resolve(ctx, i.ID, in.person(), c.NextBuild); err != nil {
			return "", err
		}
		if c.NextBuild {
			return "is resolved, from the next build on", nil
		}
		return "is resolved", nil
	})
}

// incidentsMute is microblog incidents mute.
type incidentsMute struct {
	ID    []string `arg:"" name:"id" help:"IDs of incidents or of their failures, or how they begin."`
	For   string   `placeholder:"DURATION" help:"Until so much time has passed: 90m, 8h, 2d, 1w."`
	Until string   `placeholder:"TIME" help:"Until that time: 2030-12-24, \"2030-12-24 18:00\" (this machine's zone) or 2030-12-24T18:00:00Z."`
	Count *int64   `placeholder:"COUNT" help:"Until so many further failures, at most 1000000; with --for or --until, whichever comes first."`
}

// Help is what --help says besides the flags.
func (incidentsMute) Help() string {
	return "Without --for, --until or --count an incident is muted for ever: until somebody reopens it. At most two years can be given."
}

// Run mutes incidents: until a time, until a count, or until they are reopened.
func (c *incidentsMute) Run(ctx context.Context, in *invocation) error {
	until, err := c.end(time.Now())
	if err != nil {
		return err
	}
	count := int64(0)
	if c.Count != nil {
		count = *c.Count
	}
	return in.change(ctx, c.ID, func(book *incident.Book, i incident.Incident) (string, error) {
		if err := book.Mute(ctx, i.ID, in.person(), until, count); err != nil {
			return "", err
		}
		return "is muted " + muteEnd(until, count, time.Now()), nil
	})
}

// end returns when the mute ends by time, zero for never.
func (c *incidentsMute) end(now time.Time) (time.Time, error) {
	switch {
	case c.For != "" && c.Until != "":
		return time.Time{}, &usageError{"--for and --until cannot be given together"}
	case c.Count != nil && (*c.Count < 1 || *c.Count > maxMuteCount):
		return time.Time{}, &usageError{fmt.Sprintf("--count is %d; it must be from 1 to %d", *c.Count, maxMuteCount)}
	case c.For != "":
		d, err := parseDuration(c.For)
		if err != nil {
			return time.Time{}, &usageError{fmt.Sprintf("--for is %q, %v", c.For, err)}
		}
		return now.Add(d), nil
	case c.Until != "":
		at, err := parseTime(c.Until)
		if err != nil {
			return time.Time{}, &usageError{fmt.Sprintf("--until is %q, %v", c.Until, err)}
		}
		if !at.After(now) {
			return time.Time{}, &usageError{fmt.Sprintf("--until is %s, which is over", at.Local().Format("2006-01-02 15:04 MST"))}
		}
		if at.Sub(now) > longestMute {
			return time.Time{}, &usageError{fmt.Sprintf("--until is %s, which is more than two years away", at.Local().Format("2006-01-02 15:04 MST"))}
		}
		return at, nil
	}
	return time.Time{}, nil
}

// muteEnd says until when.
func muteEnd(until time.Time, count int64, now time.Time) string {
	var ends []string
	if !until.IsZero() {
		layout := "2006-01-02 15:04 MST"
		if until.Sub(now) < shortMute {
			layout = "2006-01-02 15:04:05 MST"
		}
		ends = append(ends, "until "+until.Local().Format(layout))
	}
	if count > 0 {
		ends = append(ends, fmt.Sprintf("until %s", several(count, "further failure")))
	}
	if ends == nil {
		return "for ever, unless it is reopened"
	}
	return strings.Join(ends, " or ")
}

// Bounds of a mute, so that a slip of the finger does not mute for ever. The page has the same.
const (
	longestMute  = 2 * 366 * 24 * time.Hour
	maxMuteCount = 1_000_000

	// shortMute is up to where the end of a mute is told to the second.
	shortMute = 5 * time.Minute
)

// parseDuration reads a duration as time.ParseDuration does, which may begin with weeks and days:
// 1w2d12h.
func parseDuration(s string) (time.Duration, error) {
	wrong := errors.New("which is no duration such as 90m, 8h, 2d or 1w")
	rest, total := strings.ToLower(strings.TrimSpace(s)), time.Duration(0)
	if rest == "" {
		return 0, wrong
	}
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || !strings.HasPrefix(rest[digits:], unit.name) {
			continue
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil || n > int64(longestMute/unit.length) {
			return 0, errors.New("which is longer than two years")
		}
		total, rest = total+time.Duration(n)*unit.length, rest[digits+len(unit.name):]
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, wrong
		}
		if d < 0 || d > longestMute {
			return 0, errors.New("which is not between nothing and two years")
		}
		total += d
	}
	switch {
	case total <= 0:
		return 0, errors.New("which is no time at all")
	case total > longestMute:
		return 0, errors.New("which is longer than two years")
	}
	return total, nil
}

// parseTime reads a time as people write it. Without a zone it is this machine's, and without a time of
// day it is the beginning of the day.
func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("which is no time such as 2030-12-24, \"2030-12-24 18:00\" or 2030-12-24T18:00:00Z")
}

// incidentsReopen is microblog incidents reopen.
type incidentsReopen struct {
	ID []string `arg:"" name:"id" help:"IDs of incidents or of their failures, or how they begin."`
}

// Run reopens incidents.
func (c *incidentsReopen) Run(ctx context.Context, in *invocation) error {
	return in.change(ctx, c.ID, func(book *incident.Book, i incident.Incident) (string, error) {
		if i.State != incident.Resolved && i.State != incident.Muted {
			return "is open already, nothing is changed", nil
		}
		return "is open again", book.Reopen(ctx, i.ID, in.person())
	})
}

// change makes one change to each of the incidents, once all of them are found, and says what was
// done.
func (in *invocation) change(ctx context.Context, ids []string, do func(*incident.Book, incident.Incident) (done string, err error)) error {
	for _, id := range ids {
		if _, err := canonicalID(id); err != nil {
			return err
		}
	}
	return in.withBook(ctx, func(_ config.Config, book *incident.Book) error {
		found := make([]incident.Incident, len(ids))
		for n, id := range ids {
			i, _, err := find(ctx, book, id)
			if err != nil {
				return err
			}
			found[n] = i
		}
		for _, i := range found {
			done, err := do(book, i)
			if err != nil {
				return fmt.Errorf("changing the incident %s: %w", i.ID, err)
			}
			fmt.Fprintf(in.Out, "%s %s: %s\n", i.ID, done, fit(plainText(i.Title), 100))
		}
		return nil
	})
}
