package desk_test

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/desk"
	"example.org/microblog/fault/source"
	"example.org/microblog/fault/trace"
)

func TestIncidentPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	first, second := failure(1, start, "the basket is gone"), failure(2, start.Add(time.Minute), "the basket is gone")
	second.User, second.Request.Route, second.Build.Version, second.Build.ID = "john (2)", "POST /basket/{id}/{item}", "v1.4.1", "ba9876543210"
	s.happen(first, second)
	s.clock.advance(2 * time.Minute)
	i := s.only()
	a := s.get(prefix + "/" + i.ID).wants(200)
	a.shows(
		"<code>"+i.ID+"</code>", "the basket is gone</bdi></h1>", "desk-is-new", "An error: <code>*trace.wrapped</code>", "in <code>web.(*Server).basket</code>",
		"<dt>Failures</dt><dd>2</dd>", "<dt>People</dt><dd>2</dd>", "<dt>Routes</dt><dd>2</dd>",
		`<time datetime="2026-11-22T14:42:52Z">22 November 2026, 14:42:52 UTC</time> <span class="desk-soft">(2 minutes ago)</span>`,
		"<dt>First seen in</dt><dd>v1.4.0, revision 8f37aaf02c, build 0123456789ab, go1.26.0</dd>", "<dt>Last seen in</dt><dd>v1.4.1, revision 8f37aaf02c, build ba9876543210, go1.26.0</dd>",
		"The newest failure", second.ID.String(), second.ID.Full(), "john (2)",
		// Causes as a tree.
		`<code class="desk-type">*trace.wrapped</code>`, `<code class="desk-type">*errors.joinError</code>`, `<code class="desk-type">*fs.PathError</code>`, "open /srv/basket: no such file",
		// Calls.
		"The application’s calls", "where the error was first wrapped", "internal/web/basket.go:58", "The whole stack, 3 calls", "http.HandlerFunc.ServeHTTP", "net/http/server.go:2220",
		// The request.
		"POST /basket/7?coupon=%F0%9F%8E%81", "POST /basket/{id}/{item}", "shop.example", "192.0.2.7:4711", "3 headers", "<dt>User-Agent</dt><dd><bdi>Mozilla/5.0</bdi></dd>", "2 form fields", "cat.jpg, 120.6 KiB", "21 bytes", "req-1",
		"Response so far", "<dt>Status</dt><dd><bdi>201 Created</bdi></dd>", "70,000 bytes written", "1 header of the response", "<dt>Set-Cookie</dt><dd><bdi>session=[masked]; Path=/</bdi></dd>",
		// The request as a command.
		"curl -i --globoff --path-as-is -X POST &#39;http://shop.example/basket/7?coupon=%F0%9F%8E%81&#39; \\\n  -H &#39;Sec-Fetch-Site: same-origin&#39;",
		"--form-string &#39;item=42&#39;", "stands for the uploaded file &#34;cat.jpg&#34;",
		// What it did.
		"2 steps before it failed", "SELECT * FROM baskets WHERE id = $1", "12 ms", "3.0 ms", "WARN: the basket is old", "stale",
		"500 Internal Server Error", "web-1", "4242",
		"Failures kept in full", prefix+"/"+i.ID+"?failure="+first.ID.Full()+"#failure", "the first",
		"Of 2 failures:",
	)
	a = s.get(prefix+"/"+i.ID+"?failure="+first.ID.Full()).wants(200).shows("susan (3)", first.ID.Full(), "<h2 id=\"failure\">Failure ").hides("The newest failure")
	own, library := strings.Index(a.body, "web.(*Server).basket</code> <span class=\"desk-place\">"), strings.Index(a.body, "http.HandlerFunc.ServeHTTP")
	if own < 0 || library < own {
		t.Error("the application's own calls are not first")
	}
	if folded := strings.LastIndex(a.body[:library], "<details"); folded < strings.LastIndex(a.body[:library], "</details>") {
		t.Error("a library's calls are not folded away")
	}
}

// TestKindsOfFailures: what a failure does not have leaves no empty place.
func TestKindsOfFailures(t *testing.T) {
	t.Parallel()
	bare := func(change func(*fault.Failure)) *fault.Failure {
		f := &fault.Failure{Time: start, Kind: fault.KindPanic, Status: 500, Message: "boom", Causes: fault.Cause{Type: "panic of string", Message: "boom"}, Build: fault.Build{Go: "go1.26.0"}}
		copy(f.ID[:], "a bare failure!!")
		change(f)
		return f
	}
	for name, test := range map[string]struct {
		failure      *fault.Failure
		shows, hides []string
	}{
		"bare": {bare(func(*fault.Failure) {}),
			[]string{"A panic: <code>panic of string</code>", "<dt>Seen in</dt><dd>go1.26.0</dd>"},
			[]string{"<h3>Causes", "<h3>Request", "<h3>Response so far", "<h3>What it did", "whole stack", "<h3>What the process wrote", "<h3>What people were shown", "Failures kept in full"}},
		"a crash": {bare(func(f *fault.Failure) {
			f.Kind, f.Output, f.StackOf, f.Reported = fault.KindCrash, "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\n<b>", fault.StackCrash, true
			f.Stack = trace.Stack{{Function: "runtime.fatal", File: "/go/src/runtime/panic.go", Line: 1}, {Function: "main.main", File: "/src/main.go", Line: 7, App: true}}
		}), []string{"A crash of the whole process", "What the process wrote as it ended", "goroutine 7 [running]:\n&lt;b&gt;", "of the goroutine that ended the process", "main.main"}, []string{"<b>", "500 Internal", "It was reported by the application"}},
		"reported": {bare(func(f *fault.Failure) { f.Reported = true }), []string{"It was reported by the application"}, []string{"500 Internal"}},
		"libraries only": {bare(func(f *fault.Failure) {
			f.Stack = trace.Stack{{Function: "a.b", File: "a.go", Line: 1}, {Function: "c.d", File: "c.go", Line: 2}, {Function: "e.f", File: "e.go", Line: 3}, {Function: "g.h", File: "g.go", Line: 4}}
		}), []string{"None of the calls is the application’s own.", "The innermost calls", "The whole stack, 4 calls"}, []string{"The application’s calls"}},
		"a task": {bare(func(f *fault.Failure) { f.Task, f.Goroutine = "refreshing the search index", 12 }),
			[]string{"<dt>Task</dt><dd><bdi>refreshing the search index</bdi></dd>", "<dt>Goroutine</dt><dd><bdi>12</bdi></dd>"}, nil},
		"cut off": {bare(func(f *fault.Failure) {
			f.Begun, f.Public, f.StepsDropped = true, "Sorry, the basket is away.", 7
			f.Steps = []trace.Step{{Kind: "log", Text: "x"}}
			f.Causes.Causes, f.Causes.Cut = []fault.Cause{{Type: "inner", Message: "m", Cut: 1}}, 3
			f.Request = &fault.Request{Method: "GET", URL: "/", Cut: true, ContentLength: -1}
			f.Response = &fault.Response{Hijacked: true}
		}), []string{"<dt>Connection</dt><dd><bdi>taken over by the handler</bdi></dd>", "nothing written yet", "The response had begun", "Sorry, the basket is away.", "1 step before it failed, and 7 earlier ones", "3 further causes were left out", "1 further cause was left out", "some of it is missing", "of unknown length"}, nil},
		"long": {bare(func(f *fault.Failure) {
			f.Message = strings.Repeat("long ", 1600) + "THE END"
			f.Causes.Message = f.Message
		}), []string{"The whole text, 8,007 characters", "THE END"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{})
			s.happen(test.failure)
			a := s.get(prefix + "/" + s.only().ID).wants(200).shows(test.shows...).hides(test.hides...)
			harmless(t, a)
			sound(t, a)
		})
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	f := failure(1, start, "x") // in line 41
	lines := strings.Split(strings.Repeat("\tplain\n", 60), "\n")
	lines[40] = "\treturn errors.New(\"</code><script>alert(1)</script>\") // key=hunter2 \u202e"
	finder := source.New(source.Options{
		Module: "example.org/shop", Build: f.Build,
		FS: fstest.MapFS{"internal/web/basket.go": {Data: []byte(strings.Join(lines, "\n"))}},
	})
	mask := func(s string) string { return strings.ReplaceAll(s, "hunter2", "[masked]") }
	s := newSite(t, siteOptions{desk: func(o *desk.Options) { o.Source, o.Mask = finder, mask }})
	s.happen(f)
	a := s.get(prefix+"/"+s.only().ID).wants(200).shows(
		`<tr class="desk-hit"><th scope="row">41<span class="desk-unseen"> (this line)</span></th>`,
		"&lt;/code&gt;&lt;script&gt;alert(1)&lt;/script&gt;", "key=[masked] \ufffd", `<th scope="row">36</th>`, `<th scope="row">46</th>`, "embedded source",
		"No source: ", // of web.go, which is not there
	).hides("hunter2", `<th scope="row">35</th>`, `<th scope="row">47</th>`)
	harmless(t, a)
	sound(t, a)
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.clock.advance(3 * 24 * time.Hour)
	now := s.clock.Now()
	var all []*fault.Failure
	for n, before := range []time.Duration{60 * time.Hour, 5 * time.Hour, 10 * time.Minute, 10 * time.Minute, 9 * time.Minute} {
		all = append(all, failure(n, now.Add(-before), "apples"))
	}
	s.happen(all...)
	page := prefix + "/" + s.only().ID
	for rangeName, test := range map[string]struct {
		text string
		bars int
	}{
		"":     {"3 failures in the last 60 minutes, with a peak of 2 from 14:32", 2},
		"hour": {"3 failures in the last 60 minutes, with a peak of 2 from 14:32", 2},
		"day":  {"4 failures in the last 24 hours, with a peak of 3 from 14:30", 2},
		"week": {"5 failures in the last 7 days, with a peak of 3 from 25 November, 14:00", 3},
	} {
		path := page
		if rangeName != "" {
			path += "?range=" + rangeName
		}
		a := s.get(path).wants(200).shows(`aria-label="`+test.text+`"`, "<figcaption>"+test.text)
		if got := strings.Count(a.body, "<title>") - 1; got != test.bars {
			t.Errorf("%q: %d bars, want %d\n%s", rangeName, got, test.bars, a.body)
		}
	}
	s.get(page+"?range=hour").wants(200).shows(`<time datetime="2026-11-25T14:32:00Z">`, "<title>14:32: 2 failures</title>")
	s.get(page + "?range=year").wants(400).shows("hour, day or week")
	s.get(prefix).wants(200).shows(`aria-label="4 failures in the last 24 hours, with a peak of 3 from 14:30"`)
	s.clock.advance(30 * 24 * time.Hour)
	s.get(page).wants(200).shows("No failures in the last 24 hours").hides("As a table")
}

func TestTallies(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	var all []*fault.Failure
	for n := range 40 {
		f := failure(n, start, "apples")
		f.User, f.Request.Route = "user "+strings.Repeat("i", n/2+1), "POST /one"
		all = append(all, f)
	}
	s.happen(all...)
	s.get(prefix+"/"+s.only().ID).wants(200).shows("<h2>People</h2>", "<h2>Routes</h2>", "12 more</summary>",
		`<tr><th scope="row"><bdi>POST /one</bdi></th><td class="desk-num">40</td>`, `<tr><th scope="row"><bdi>user i</bdi></th><td class="desk-num">2</td>`)
}

// sound checks what makes a page usable without looking at it: one main heading, headings in order,
// ids that are there once, a label for each field, names for what can be scrolled, headers of tables.
func sound(t *testing.T, a *answer) {
	t.Helper()
	ids, labels, fields, refs := map[string]int{}, map[string]bool{}, []string{}, []string{}
	level, mains := 0, 0
	err := eachElement(a.body, func(e xml.StartElement, around []string) {
		get := func(name string) string {
			for _, attribute := range e.Attr {
				if attribute.Name.Local == name {
					return attribute.Value
				}
			}
			return ""
		}
		if id := get("id"); id != "" {
			ids[id]++
		}
		if ref := get("aria-labelledby"); ref != "" {
			refs = append(refs, ref)
		}
		switch name := e.Name.Local; name {
		case "h1", "h2", "h3":
			next := int(name[1] - '0')
			if next > level+1 {
				t.Errorf("%s: %s follows a heading of level %d", a.what, name, level)
			}
			if level = next; next == 1 {
				mains++
			}
		case "input":
			if get("type") != "hidden" {
				fields = append(fields, get("id"))
			}
		case "label":
			labels[get("for")] = true
		case "svg":
			if get("role") != "img" || get("aria-label") == "" {
				t.Errorf("%s: a picture without a text", a.what)
			}
		case "nav", "section":
			if get("aria-label") == "" && get("aria-labelledby") == "" && name == "nav" {
				t.Errorf("%s: a %s without a name", a.what, name)
			}
		case "th":
			if get("scope") == "" {
				t.Errorf("%s: a header of a table without a scope", a.what)
			}
		case "form":
			if get("method") == "" || get("action") == "" {
				t.Errorf("%s: a form without a method or an action", a.what)
			}
		}
		if get("role") == "region" && (get("tabindex") != "0" || get("aria-label") == "" && get("aria-labelledby") == "") {
			t.Errorf("%s: a region that has no name or that no key reaches", a.what)
		}
		if e.Name.Local == "time" && get("datetime") == "" {
			t.Errorf("%s: a time that no program can read", a.what)
		}
		if slices.Contains(around, "p") && slices.Contains([]string{"p", "ul", "ol", "dl", "div", "table", "pre", "details", "section", "form"}, e.Name.Local) {
			t.Errorf("%s: %s within a paragraph", a.what, e.Name.Local)
		}
	})
	if err != nil {
		t.Errorf("%s: %v", a.what, err)
	}
	if mains != 1 {
		t.Errorf("%s: %d main headings", a.what, mains)
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%s: the id %s is there %d times", a.what, id, n)
		}
	}
	for _, field := range fields {
		if !labels[field] {
			t.Errorf("%s: the field %q has no label", a.what, field)
		}
	}
	for _, ref := range refs {
		if ids[ref] == 0 {
			t.Errorf("%s: there is no element %s", a.what, ref)
		}
	}
}
