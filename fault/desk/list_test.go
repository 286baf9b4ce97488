package desk_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
)

func TestListEmpty(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.get(prefix).wants(200).shows("<h1>Incidents</h1>", "Nothing has failed so far.", `aria-current="page">Unresolved <span class="desk-n">0</span>`)
	s.get(prefix + "?state=muted").wants(200).shows("Nothing has failed so far.")
	s.get(prefix + "/").wants(303).leads(prefix)
	s.get(prefix + "/?state=all&q=x&other=1").wants(303).leads(prefix + "?q=x&state=all")
}

func TestListStates(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	ids := map[string]string{}
	for n, what := range []string{"apples", "pears pears", "plums plums plums"} {
		s.happen(failure(n, s.clock.Now(), what))
		s.clock.advance(time.Minute)
	}
	list, err := s.book.List(t.Context(), incident.Query{})
	if err != nil || len(list.Items) != 3 {
		t.Fatalf("%d incidents, %v", len(list.Items), err)
	}
	for _, i := range list.Items {
		ids[i.Title[strings.LastIndexByte(i.Title, ' ')+1:]] = i.ID
	}
	a := s.get(prefix).wants(200).shows("apples", "pears pears", "plums plums plums",
		`<a class="desk-title" href="`+prefix+"/"+ids["apples"]+`">`, "web.(*Server).basket", "desk-is-new", "1 failure in the last 24 hours")
	if first, last := strings.Index(a.body, "plums plums"), strings.Index(a.body, "apples"); first > last {
		t.Error("the list does not begin with what was seen last")
	}
	s.post(prefix + "/" + ids["apples"] + "/resolve").wants(303)
	s.post(prefix+"/"+ids["pears"]+"/mute", "for", "1h").wants(303)
	for state, want := range map[string]struct{ shows, hides []string }{
		"":          {[]string{"plums"}, []string{"apples", "pears"}},
		"new":       {[]string{"plums"}, []string{"apples", "pears"}},
		"resolved":  {[]string{"apples", "desk-is-resolved"}, []string{"pears", "plums"}},
		"muted":     {[]string{"pears", "desk-is-muted"}, []string{"apples", "plums"}},
		"all":       {[]string{"apples", "pears", "plums"}, nil},
		"ongoing":   {[]string{"No incident is here under “Ongoing”."}, []string{"apples", "pears", "plums"}},
		"quiet":     {[]string{"No incident is here under “Quiet”."}, []string{"apples", "pears", "plums"}},
		"regressed": {[]string{"No incident is here under “Regressed”."}, []string{"apples", "pears", "plums"}},
	} {
		path := prefix
		if state != "" {
			path += "?state=" + state
		}
		a := s.get(path).wants(200).shows(want.shows...).hides(want.hides...)
		for tab, n := range map[string]int{"Unresolved": 1, "New": 1, "Ongoing": 0, "Resolved": 1, "Muted": 1, "Regressed": 0, "Quiet": 0, "All": 3} {
			a.shows(fmt.Sprintf(`%s <span class="desk-n">%d</span>`, tab, n))
		}
		if n := strings.Count(a.body, `aria-current="page"`); n != 1 {
			t.Errorf("%q: %d tabs are the current one", state, n)
		}
	}
}

func TestListSearch(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.happen(failure(1, start, "no apples & pears left"), failure(2, start, "plum jam"))
	s.get(prefix+"?q=APPLES+left").wants(200).shows("no apples &amp; pears left", "Search for “<bdi>APPLES left</bdi>”", `value="APPLES left"`).hides("plum")
	s.get(prefix + "?q=apples+plum").wants(200).shows("No incident has all of these words").hides("desk-title")
	s.get(prefix+"?q=basket").wants(200).shows("plum jam", "apples")
	// What is typed is looked for among all states, unless one is chosen.
	for _, i := range must(s.book.List(t.Context(), incident.Query{Search: "plum"})).Items {
		s.post(prefix + "/" + i.ID + "/resolve").wants(303)
	}
	s.get(prefix+"?q=plum").wants(200).shows("plum jam", prefix+"?q=plum&amp;state=resolved")
	s.get(prefix + "?q=plum&state=new").wants(200).hides("plum jam</bdi>")
	s.get(prefix + "?q=++").wants(200).shows("<h1>Incidents</h1>")
	for query, says := range map[string]string{
		"q=%ff":                              "no text in UTF-8",
		"q=a%00b":                            "no text in UTF-8",
		"q=" + strings.Repeat("a", 201):      "at most 200",
		"state=open":                         "The states are",
		"state=":                             "",
		"cursor=" + strings.Repeat("a", 513): "Please begin at the start of the list",
		"cursor=nonsense":                    "Please begin at the start of the list",
		"cursor=%00":                         "Please begin at the start of the list",
	} {
		status := http.StatusBadRequest
		if says == "" {
			status = http.StatusOK
		}
		s.get(prefix+"?"+query).wants(status).shows(says, "</html>")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestListPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	const n = 65
	var all []*fault.Failure
	for i := range n {
		f := failure(i, start.Add(time.Duration(i)*time.Second), "apples")
		f.Stack[0].Function += strings.Repeat("x", i) // Too many messages from one place would be one incident.
		all = append(all, f)
	}
	s.happen(all...)
	seen := map[string]int{}
	path, pages := prefix, 0
	for path != "" && pages < 10 {
		a := s.get(path).wants(200)
		for _, row := range strings.Split(a.body, `<a class="desk-title" href="`)[1:] {
			address, _, _ := strings.Cut(row, `"`)
			seen[address]++
		}
		if pages > 0 {
			a.shows(`href="` + prefix + `">Start of the list`)
		}
		pages++
		_, next, ok := strings.Cut(a.body, `rel="next" href="`)
		if path = ""; ok {
			next, _, _ = strings.Cut(next, `"`)
			path = strings.ReplaceAll(next, "&amp;", "&")
		}
	}
	if len(seen) != n || pages != 3 {
		t.Errorf("%d incidents on %d pages, want %d on 3", len(seen), pages, n)
	}
	for address, times := range seen {
		if times != 1 {
			t.Errorf("%s is listed %d times", address, times)
		}
	}
}

// TestLookup looks failures up by what people quote.
func TestLookup(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	one, twin, other := failure(1, start, "apples"), failure(2, start.Add(time.Second), "pears"), failure(3, start.Add(2*time.Second), "plums")
	copy(one.ID[:], "\xaa\xbb\xcc\xdd\xee one")
	copy(other.ID[:], "\x12\x34\x56\x78\x9a other")
	twin.ID = one.ID
	twin.ID[15]++
	s.happen(one, twin, other)
	id := map[string]string{}
	for _, i := range must(s.book.List(t.Context(), incident.Query{})).Items {
		id[i.FirstID.Full()] = i.ID
	}
	page := func(f *fault.Failure) string { return prefix + "/" + id[f.ID.Full()] + "?failure=" + f.ID.Full() }
	find := func(q string) *answer { return s.get(prefix + "?q=" + url.QueryEscape(q)) }

	for _, typed := range []string{other.ID.String(), strings.ToLower(other.ID.String()), " " + other.ID.Full() + " ", strings.ReplaceAll(other.ID.String(), "-", ""), strings.ReplaceAll(other.ID.String(), "1", "l")} {
		find(typed).wants(303).leads(page(other))
	}
	s.get(page(other)).wants(200).shows("plums", other.ID.Full())
	find(one.ID.Full()).wants(303).leads(page(one))
	find(one.ID.String()).wants(200).shows("Failures whose ID begins like that", "apples", "pears",
		`href="`+page(one)+`"`, `href="`+page(twin)+`"`).hides(page(other))
	find(id[other.ID.Full()]).wants(303).leads(prefix + "/" + id[other.ID.Full()])
	find("0000-0001").wants(200).shows("There is no failure with an ID like this", "Its line in the log")
	find("apples left").wants(200).hides("There is no failure with an ID like this")

	// An incident answers for its own failures only.
	s.get(prefix + "/" + id[one.ID.Full()] + "?failure=" + other.ID.Full()).wants(404).shows("This incident has no failure with that ID")
	s.get(prefix + "/" + id[one.ID.Full()] + "?failure=short").wants(400).shows("7F3K-92QD")
	s.get(prefix + "/" + strings.ToLower(id[one.ID.Full()]) + "?range=day").wants(303).leads(prefix + "/" + id[one.ID.Full()] + "?range=day")
	for _, unknown := range []string{"0000000000000", "susan", "0", "0123456789ABCDEF", "%20", id[one.ID.Full()] + "/", id[one.ID.Full()] + "/delete", id[one.ID.Full()] + "/mute/x"} {
		s.get(prefix+"/"+unknown).wants(404).shows("Not found", `href="`+prefix+`">All incidents`)
	}
}

// TestLookupOfWhatIsNotKept: of many failures of an incident, a few are kept in full.
func TestLookupOfWhatIsNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	var all []*fault.Failure
	for i := range 40 {
		f := failure(0, start.Add(time.Duration(i)*time.Second), "apples")
		copy(f.ID[:], []byte{byte(i), 1, 2, 3, 4})
		all = append(all, f)
	}
	s.happen(all...)
	i := s.only()
	a := s.get(prefix + "?q=" + all[20].ID.Full()).wants(303).leads(prefix + "/" + i.ID + "?failure=" + all[20].ID.Full())
	s.get(a.header.Get("Location")).wants(200).shows("The failure <code>"+all[20].ID.String()+"</code> belongs to this incident", "The newest failure", all[39].ID.Full())
	s.get(prefix+"/"+i.ID+"?failure="+all[0].ID.Full()).wants(200).shows(all[0].ID.Full(), "the first").hides("belongs to this incident")
}

// Every state that the list has a tab for is explained.
func TestListExplainsStates(t *testing.T) {
	t.Parallel()
	a := newSite(t, siteOptions{}).get(prefix).wants(200)
	_, legend, _ := strings.Cut(a.body, "<summary>What the states mean</summary>")
	legend, _, _ = strings.Cut(legend, "</details>")
	for _, s := range incident.States() {
		if !regexp.MustCompile(`<li>[^\n]*>(?i:` + string(s) + `)</span> [A-Z][^<>]+\.</li>`).MatchString(legend) {
			t.Errorf("%s is not explained in:\n%s", s, legend)
		}
	}
}
