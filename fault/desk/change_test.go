package desk_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/desk"
	"example.org/microblog/fault/incident"
)

func TestResolveAndReopen(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.happen(failure(1, start, "apples"))
	page := prefix + "/" + s.only().ID
	s.get(page).wants(200).shows(page+`/resolve"`, "Resolve in the next build", "Mute …").hides(page + `/reopen"`)

	s.clock.advance(time.Minute)
	s.post(page + "/resolve").wants(303).leads(page + "?done=resolve")
	if i := s.only(); i.State != incident.Resolved || i.NextBuild || i.ChangedBy != "grace" || !i.ResolvedAt.Equal(start.Add(time.Minute)) {
		t.Errorf("%+v", i)
	}
	s.get(page+"?done=resolve").wants(200).shows(`role="status">The incident is resolved.`, "Resolved by grace on </bdi>", "22 November 2026, 14:43:52 UTC", "The next failure brings it back.",
		page+`/reopen"`).hides(page+`/resolve"`, "Mute …")
	s.get(page + "?done=mute").wants(200).hides(`role="status"`)
	s.post(page + "/resolve").wants(303)

	s.post(page + "/reopen").wants(303).leads(page + "?done=reopen")
	if i := s.only(); i.State == incident.Resolved {
		t.Errorf("%+v", i)
	}
	s.get(page + "?done=reopen").wants(200).shows("The incident is open again.").hides(page + `/reopen"`)
	s.get(page + "?done=resolve").wants(200).hides(`role="status"`)

	s.post(page+"/resolve", "build", "next").wants(303)
	if i := s.only(); i.State != incident.Resolved || !i.NextBuild {
		t.Errorf("%+v", i)
	}
	s.get(page).wants(200).shows("only one of a newer build brings it back")

	// It comes back in a newer build.
	s.clock.advance(time.Minute)
	again := failure(2, s.clock.Now(), "apples")
	again.Build.ID, again.Build.Version = "ffffffffffff", "v1.5.0"
	s.happen(again)
	if i := s.only(); i.State != incident.Regressed {
		t.Errorf("%+v", i)
	}
	s.get(page).wants(200).shows("desk-is-regressed", "It came back after it was resolved")
}

func TestMute(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CET", 3600)
	for name, test := range map[string]struct {
		form  []string
		until time.Time
		left  int64
		shows string
	}{
		"an hour":      {[]string{"for", "1h"}, start.Add(time.Hour), 0, "The mute ends on </bdi><time datetime=\"2026-11-22T16:42:52+01:00\">"},
		"a day":        {[]string{"for", "24h"}, start.Add(24 * time.Hour), 0, "The mute ends on "},
		"a week":       {[]string{"for", "168h"}, start.Add(7 * 24 * time.Hour), 0, "29 November 2026, 15:42:52 CET"},
		"until a time": {[]string{"until", "2026-12-24T18:00"}, time.Date(2026, 12, 24, 18, 0, 0, 0, berlin), 0, "24 December 2026, 18:00:00 CET"},
		"with seconds": {[]string{"until", "2026-12-24T18:00:30"}, time.Date(2026, 12, 24, 18, 0, 30, 0, berlin), 0, "24 December 2026, 18:00:30 CET"},
		"so many":      {[]string{"count", " 3 "}, time.Time{}, 3, "The mute ends after 3 further failures."},
		"one":          {[]string{"count", "1"}, time.Time{}, 1, "The mute ends after 1 further failure."},
		"both":         {[]string{"count", "500", "until", "2026-12-24T18:00", "for", ""}, time.Date(2026, 12, 24, 18, 0, 0, 0, berlin), 500, "or after 500 further failures if that comes first."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{desk: func(o *desk.Options) { o.Location = berlin }})
			s.happen(failure(1, start, "apples"))
			page := prefix + "/" + s.only().ID
			s.get(page).wants(200).shows("Until (CET, UTC+01:00)", `min="2026-11-22T15:43"`, `value="2026-11-23T15:00"`)
			s.post(page+"/mute", test.form...).wants(303).leads(page + "?done=mute")
			i := s.only()
			if i.State != incident.Muted || !i.MuteUntil.Equal(test.until) || i.MuteLeft != test.left || i.ChangedBy != "grace" {
				t.Errorf("%+v", i)
			}
			s.get(page+"?done=mute").wants(200).shows("The incident is muted.", "Muted by grace", test.shows, ">Unmute</button>")
			s.post(page + "/reopen").wants(303)
			if i := s.only(); i.State == incident.Muted {
				t.Errorf("%+v", i)
			}
		})
	}
}

// TestBadChanges: what cannot be done says why, and changes nothing.
func TestBadChanges(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.happen(failure(1, start, "apples"))
	before := s.only()
	page := prefix + "/" + before.ID
	send := func(path, kind, body string) *answer {
		r := s.request(http.MethodPost, path, strings.NewReader(body))
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		r.Header.Set("Origin", s.URL)
		return s.do(r)
	}
	const form = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		path, kind, body string
		status           int
		shows            string
	}{
		"nothing":             {page + "/mute", form, "", 400, "Please say for how long"},
		"empty fields":        {page + "/mute", form, "for=&until=&count=+", 400, "Please say for how long"},
		"no length":           {page + "/mute", form, "for=soon", 400, "like 1h or 24h"},
		"a negative length":   {page + "/mute", form, "for=-1h", 400, "like 1h or 24h"},
		"too short":           {page + "/mute", form, "for=1ns", 400, "like 1h or 24h"},
		"too long":            {page + "/mute", form, "for=99999h", 400, "at most two years"},
		"an overflow":         {page + "/mute", form, "for=9999999999999h", 400, "like 1h or 24h"},
		"no time":             {page + "/mute", form, "until=tomorrow", 400, "looks like 2026-11-23T14:42"},
		"the past":            {page + "/mute", form, "until=2026-11-22T14:42", 400, "over already"},
		"the far future":      {page + "/mute", form, "until=9999-01-01T00:00", 400, "at most two years"},
		"both lengths":        {page + "/mute", form, "for=1h&until=2026-12-01T00:00", 400, "either"},
		"no failures":         {page + "/mute", form, "count=0", 400, "from 1 to 1,000,000"},
		"negative failures":   {page + "/mute", form, "count=-5", 400, "from 1 to 1,000,000"},
		"too many failures":   {page + "/mute", form, "count=1000001", 400, "from 1 to 1,000,000"},
		"half a failure":      {page + "/mute", form, "count=1.5", 400, "whole number"},
		"a good and a bad":    {page + "/mute", form, "for=1h&count=x", 400, "whole number"},
		"twice":               {page + "/mute", form, "for=1h&for=2h", 400, "“for” was sent more than once"},
		"no text":             {page + "/mute", form, "for=%ff", 400, "“for” holds nothing that belongs there"},
		"another build":       {page + "/resolve", form, "build=last", 400, "empty or “next”"},
		"badly encoded":       {page + "/resolve", form, "build=%zz", 400, "badly encoded"},
		"no form":             {page + "/resolve", "application/json", "{}", 415, "application/x-www-form-urlencoded"},
		"no media type":       {page + "/resolve", ";;", "", 415, "application/x-www-form-urlencoded"},
		"large":               {page + "/resolve", form, "build=" + strings.Repeat("a", 20_000), 413, "larger than 16.0 KiB"},
		"an unknown incident": {prefix + "/0000000000000/resolve", form, "", 404, "There is no such incident"},
		"no incident's ID":    {prefix + "/susan/mute", form, "for=1h", 404, "13 letters and digits"},
		"a page":              {page, form, "", 405, "does not work that way"},
		"the list":            {prefix, form, "", 405, "does not work that way"},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(test.path, test.kind, test.body).wants(test.status).shows(test.shows, "</html>")
			harmless(t, a)
			sound(t, a)
			if allow := a.header.Get("Allow"); test.status == 405 && allow != "GET, HEAD" {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
	for _, verb := range []string{"resolve", "mute", "reopen"} {
		if a := s.get(page + "/" + verb).wants(405); a.header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow %q", verb, a.header.Get("Allow"))
		}
	}
	if after := s.only(); after.State != before.State || !after.ChangedAt.IsZero() {
		t.Errorf("changed to %+v", after)
	}
}

// TestCrossOrigin: only the desk's own pages change something.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	trusting := http.NewCrossOriginProtection()
	if err := trusting.AddTrustedOrigin("https://ops.example"); err != nil {
		t.Fatal(err)
	}
	const here = "HERE" // stands for the server's own origin
	for name, test := range map[string]struct {
		origin, site string
		trusting     bool
		status       int
	}{
		"own":                           {here, "same-origin", false, 303},
		"own, old browser":              {here, "", false, 303},
		"typed":                         {"", "none", false, 303},
		"another":                       {"https://evil.example", "cross-site", false, 403},
		"another, old browser":          {"https://evil.example", "", false, 403},
		"sibling":                       {"https://a.example", "same-site", false, 403},
		"opaque":                        {"null", "", false, 403},
		"nothing said":                  {"", "", false, 403},
		"trusted":                       {"https://ops.example", "cross-site", true, 303},
		"trusted by others only":        {"https://ops.example", "cross-site", false, 403},
		"another, where one is trusted": {"https://evil.example", "cross-site", true, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{desk: func(o *desk.Options) {
				if test.trusting {
					o.CrossOrigin = trusting
				}
			}})
			s.happen(failure(1, start, "apples"))
			for verb, form := range map[string]url.Values{"resolve": {}, "mute": {"for": {"1h"}}, "reopen": {}} {
				r := s.request(http.MethodPost, prefix+"/"+s.only().ID+"/"+verb, strings.NewReader(form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for header, value := range map[string]string{"Origin": strings.ReplaceAll(test.origin, here, s.URL), "Sec-Fetch-Site": test.site} {
					if value != "" {
						r.Header.Set(header, value)
					}
				}
				a := s.do(r).wants(test.status)
				if test.status == 403 {
					a.shows("nothing was done")
				}
			}
			if i := s.only(); test.status == 403 && !i.ChangedAt.IsZero() {
				t.Errorf("changed: %+v", i)
			}
		})
	}
}
