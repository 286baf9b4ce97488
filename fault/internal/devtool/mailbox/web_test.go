package mailbox_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	if a := s.get("/"); a.status != http.StatusOK || !strings.Contains(a.body, "No mail yet") {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.mustSend("From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@b.example>\r\nSubject: <script>alert(\"1\")</script>\r\nFault-Id: 7F3K-92QD\r\n" +
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nSee https://x.example/a?b=c&d. \x1b[31m\r\n--b\r\nContent-Type: text/html\r\n\r\n<script>alert(2)</script>\r\n--b--\r\n")
	list := s.get("/").body
	for _, want := range []string{"&lt;script&gt;alert(", "Grüße", `href="/mails/1"`, "7F3K-92QD"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %q:\n%s", want, list)
		}
	}
	text := s.get("/mails/1").body
	for _, want := range []string{`<a href="https://x.example/a?b=c&amp;d" target="_blank" rel="noopener noreferrer">https://x.example/a?b=c&amp;d</a>. \x1b[31m`, `aria-current="page">Text<`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q:\n%s", want, text)
		}
	}
	html := s.get("/mails/1?view=html").body
	if !regexp.MustCompile(`<iframe[^>]* src="/mails/1/html" sandbox="allow-popups allow-popups-to-escape-sandbox"`).MatchString(html) {
		t.Errorf("no sandboxed frame:\n%s", html)
	}
	if source := s.get("/mails/1?view=source").body; !strings.Contains(source, "--b--") || !strings.Contains(source, "&lt;script&gt;alert(2)") {
		t.Errorf("source:\n%s", source)
	}
	if header := s.get("/mails/1?view=header").body; !strings.Contains(header, "<dt>Fault-Id</dt><dd>7F3K-92QD</dd>") {
		t.Errorf("header:\n%s", header)
	}
	for _, page := range []string{list, text, html} {
		if strings.Contains(page, "<script>") || strings.Contains(page, "style=") || strings.Contains(page, "onclick") {
			t.Errorf("something would run inline:\n%s", page)
		}
	}
	for _, path := range []string{"/static/mailbox.css", "/static/mailbox.js", "/static/favicon.svg", "/api"} {
		if a := s.get(path); a.status != http.StatusOK {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	for _, path := range []string{"/mails/2", "/mails/x", "/mails/1/parts/9", "/mails/-1", "/static/", "/templates/list.html", "/nothing"} {
		if a := s.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	s.mustSend(lines("Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/html", "", "<p>x", "--b", "Content-Type: image/svg+xml",
		"Content-Disposition: attachment; filename=x.svg", "", "<svg onload='alert(1)'>", "--b--"))
	for path, policy := range map[string]string{
		"/":                    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"/mails/1/html":        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; frame-ancestors 'self'; base-uri 'none'; sandbox allow-popups allow-popups-to-escape-sandbox",
		"/mails/1/parts/2":     "default-src 'none'; frame-ancestors 'none'; sandbox",
		"/api/mails/1/parts/2": "default-src 'none'; frame-ancestors 'none'; sandbox",
		"/api/mails/1.eml":     "default-src 'none'; frame-ancestors 'none'; sandbox",
	} {
		a := s.get(path)
		if a.status != http.StatusOK || a.header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %d, policy %q", path, a.status, a.header.Get("Content-Security-Policy"))
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	svg := s.get("/mails/1/parts/2").header
	if svg.Get("Content-Type") != "application/octet-stream" || svg.Get("Content-Disposition") != "attachment; filename=x.svg" {
		t.Errorf("%v", svg)
	}
}

func TestFrameOfHTML(t *testing.T) {
	t.Parallel()
	const base = `<base target="_blank">`
	for name, test := range map[string]struct{ html, want string }{
		"head":    {`<!DOCTYPE html><html><head lang=de><title>x</title>`, `<!DOCTYPE html><html><head lang=de>` + base + `<title>x</title>`},
		"header":  {`<html><header>x</header>`, `<html>` + base + `<header>x</header>`},
		"doctype": {"\n<!doctype html>\n<p>x", "\n<!doctype html>" + base + "\n<p>x"},
		"nothing": {`<p>x`, base + `<p>x`},
	} {
		s := start(t, mailbox.Options{})
		s.mustSend("Content-Type: text/html\r\n\r\n" + strings.ReplaceAll(test.html, "\n", "\r\n"))
		if a := s.get("/mails/1/html"); strings.TrimRight(a.body, "\n") != test.want {
			t.Errorf("%s: %q, want %q", name, a.body, test.want)
		}
	}
	s := start(t, mailbox.Options{})
	s.mustSend(lines("Content-Type: multipart/related; boundary=b", "", "--b", "Content-Type: text/html; charset=iso-8859-1", "",
		"<p>Gr\xfc\xdfe<img src=\"cid:a%40b\"><img src='CID:svg'><img src=cid:gone>", "--b", "Content-Type: image/png", "Content-ID: <a@b>", "Content-Transfer-Encoding: base64", "",
		"iVBORw0KGgo=", "--b", "Content-Type: image/svg+xml", "Content-ID: <svg>", "", "<svg>", "--b--"))
	a := s.get("/mails/1/html")
	if want := base + `<p>Grüße<img src="data:image/png;base64,iVBORw0KGgo="><img src='CID:svg'><img src=cid:gone>`; a.body != want {
		t.Errorf("%q, want %q", a.body, want)
	}
	if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("type %q", got)
	}
	if m := s.one(); len(m.Attachments) != 2 || !m.Attachments[0].Inline {
		t.Errorf("%+v", m.Attachments)
	}
}

func TestThreads(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	mail := func(subject, id, references string) {
		s.mustSend(fmt.Sprintf("Subject: %s\r\nMessage-ID: <%s>\r\nReferences: %s\r\n\r\nx", subject, id, references))
	}
	mail("first of A", "a1@x", "<A.thread@x>")
	mail("alone", "b@x", "")
	mail("second of A", "a2@x", "<A.thread@x>")
	mail("answer to the second", "a3@x", "<gone@x> <a2@x>")
	for i := range 9 {
		mail(fmt.Sprintf("storm %d", i), fmt.Sprintf("s%d@x", i), "<S.thread@x>")
	}
	list := s.get("/").body
	if got := regexp.MustCompile(`href="/mails/\d+"`).FindAllString(list, -1); strings.Join(got, " ") !=
		`href="/mails/13" href="/mails/12" href="/mails/11" href="/mails/10" href="/mails/9" href="/mails/8" href="/mails/7" href="/mails/6" href="/mails/5" `+
			`href="/mails/4" href="/mails/3" href="/mails/1" href="/mails/2"` {
		t.Errorf("the order is %s", got)
	}
	for _, want := range []string{"first of A <small>3 mails</small>", "storm 0 <small>9 mails</small>", "<summary>4 older mails</summary>"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %q:\n%s", want, list)
		}
	}
	if page := s.get("/mails/3").body; !strings.Contains(page, "3 mails in this thread") || !strings.Contains(page, `href="/mails/4"`) || !strings.Contains(page, `href="/mails/1"`) {
		t.Errorf("no thread:\n%s", page)
	}
	if page := s.get("/mails/2").body; strings.Contains(page, "in this thread") {
		t.Errorf("a thread of one:\n%s", page)
	}
}

func TestDeleting(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	for range 4 {
		s.mustSend(simple)
	}
	if a := s.do(http.MethodPost, "/mails/2/delete", ""); a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Errorf("%+v", a)
	}
	if a := s.do(http.MethodDelete, "/api/mails/3", ""); a.status != http.StatusNoContent {
		t.Errorf("%+v", a)
	}
	if a := s.do(http.MethodDelete, "/api/mails/3", ""); a.status != http.StatusNotFound || !strings.Contains(a.body, `"error"`) {
		t.Errorf("%+v", a)
	}
	if all := s.Mails(); len(all) != 2 || all[0].ID != 4 || all[1].ID != 1 {
		t.Errorf("%+v", all)
	}
	if a := s.do(http.MethodDelete, "/api/mails", ""); !strings.Contains(a.body, `"deleted": 2`) {
		t.Errorf("%+v", a)
	}
	s.mustSend(simple)
	if m := s.one(); m.ID != 5 || m.Duplicate != 0 {
		t.Errorf("a number is used again, or a deleted mail is remembered: %+v", m)
	}
	if a := s.do(http.MethodPost, "/mails/delete", ""); a.status != http.StatusSeeOther || len(s.Mails()) != 0 {
		t.Errorf("%+v", a)
	}
	if a := s.get("/mails/delete"); a.status != http.StatusNotFound {
		t.Errorf("GET: %d", a.status)
	}
}

func TestStrangersMayChangeNothing(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	s.mustSend(simple)
	for name, header := range map[string][]string{
		"another site": {"Sec-Fetch-Site", "cross-site"},
		"same machine": {"Sec-Fetch-Site", "same-site"},
		"old browser":  {"Origin", "https://evil.example"},
		"null":         {"Origin", "null"},
	} {
		for _, request := range [][2]string{
			{"POST", "/mails/delete"}, {"POST", "/mails/1/delete"}, {"POST", "/faults"}, {"DELETE", "/api/mails"}, {"DELETE", "/api/mails/1"}, {"POST", "/api/faults"},
		} {
			if a := s.do(request[0], request[1], "mode=drop", append(header, "Content-Type", "application/x-www-form-urlencoded")...); a.status != http.StatusForbidden {
				t.Errorf("%s: %s: %d", name, request, a.status)
			}
		}
	}
	s.one()
	if plan, _ := s.Faults(); len(plan.Rules) != 0 {
		t.Errorf("the plan is %s", plan)
	}
	own := []string{"Origin", s.URL(), "Sec-Fetch-Site", "same-origin", "Content-Type", "application/x-www-form-urlencoded"}
	if a := s.do("POST", "/faults", "mode=tempfail&step=dot&first=3&chance=50", own...); a.status != http.StatusSeeOther {
		t.Errorf("%+v", a)
	}
	if plan, _ := s.Faults(); plan.String() != "tempfail@dot, the first 3 attempts, with a chance of 0.5" {
		t.Errorf("the plan is %s", plan)
	}
	for _, wrong := range []string{"mode=explode", "mode=drop&step=x", "mode=drop&first=-1", "mode=drop&chance=101", "mode=drop&first=many"} {
		if a := s.do("POST", "/faults", wrong, own...); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, a.status)
		}
	}
	if list := s.get("/").body; !strings.Contains(list, "Failing on purpose:</strong> tempfail@dot") {
		t.Errorf("the page does not tell of it:\n%s", list)
	}
	if a := s.do("POST", "/faults", "mode=", own...); a.status != http.StatusSeeOther {
		t.Errorf("%+v", a)
	}
	s.mustSend(simple)
}

func TestHosts(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Hosts: []string{"mail.test"}})
	exposed := start(t, mailbox.Options{Exposed: true, SMTP: "0.0.0.0:0", HTTP: "0.0.0.0:0"})
	for host, want := range map[string][2]int{ // on the loopback interface only, and exposed
		"localhost:8026":          {200, 200},
		"LOCALHOST":               {200, 200},
		"localhost.":              {200, 200},
		"x.localhost:1":           {200, 200},
		"127.0.0.1:8026":          {200, 200},
		"127.0.0.2":               {200, 200},
		"[::1]:8026":              {200, 200},
		"Mail.test:8026":          {200, 421},
		"192.0.2.7:8026":          {421, 200},
		"[2001:db8::1]":           {421, 200},
		"evil.example":            {421, 421},
		"evil.example:8026":       {421, 421},
		"127.0.0.1.evil.example":  {421, 421},
		"localhost.evil.example":  {421, 421},
		"evil.example#@127.0.0.1": {421, 421},
	} {
		if got := [2]int{s.get("/", "Host", host).status, exposed.get("/", "Host", host).status}; got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
		if a := s.get("/api/mails", "Host", host); a.status != want[0] {
			t.Errorf("API, %s: %d", host, a.status)
		}
	}
	if a := s.get("/", "Host", "evil.example"); !strings.Contains(a.body, s.URL()) || !strings.Contains(a.body, "--allow-host") {
		t.Errorf("it does not help: %s", a.body)
	}
	if !strings.HasPrefix(exposed.URL(), "http://127.0.0.1:") {
		t.Errorf("the URL is %s", exposed.URL())
	}
}

func TestSearchAndOlderMails(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Keep: 1000})
	for i := range 250 {
		s.Take(fmt.Appendf(nil, "Subject: number %d\r\nMessage-ID: <%d@x>\r\nFault-Id: ID-%d\r\n\r\nx", i+1, i+1, i+1))
	}
	page := s.get("/").body
	if n := strings.Count(page, `<li class="mail">`); n != 200 {
		t.Errorf("%d mails on the first page", n)
	}
	if !strings.Contains(page, `href="/?before=51&amp;q="`) {
		t.Errorf("no way to the older ones:\n%s", page[len(page)-3000:])
	}
	page = s.get("/?before=51&q=").body
	if n := strings.Count(page, `<li class="mail">`); n != 50 || strings.Contains(page, "Older mails") {
		t.Errorf("%d mails on the second page", n)
	}
	for query, want := range map[string]int{"NUMBER+24": 11, "id-240": 1, "240@x": 1, "d.example": 200, "nothing": 0, "%3Cscript%3E": 0} {
		if n := strings.Count(s.get("/?q="+query).body, `<li class="mail">`); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}
