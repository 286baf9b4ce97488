package desk_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"example.org/microblog/fault"
)

// attacks are what somebody may put into whatever he can reach. Each is tried in every text of a
// failure.
var attacks = map[string]string{
	"an element":          `<script>alert(1)</script><img src=x onerror=alert(1)>`,
	"out of an attribute": `" onmouseover="alert(1)" x="`,
	"out of a quote":      `' onfocus='alert(1)' autofocus='`,
	"out of a script":     `</script></title></style></textarea><svg onload=alert(1)>`,
	"a comment":           `--><!-- <a href="javascript:alert(1)">`,
	"a link":              `javascript:alert(1)`,
	"another site":        `//evil.example/x`,
	"a data link":         `data:text/html,<script>alert(1)</script>`,
	"a template":          `{{.}} {{template "top"}} ${alert(1)}`,
	"CDATA":               `<![CDATA[<script>alert(1)</script>]]>`,
	"control characters":  "a\x00b\x1b[2Jc\rd\x7f\u009b",
	"turned around":       "moc.elpmaxe\u202e\u2066\u200f.fake",
	"bytes":               "\xff\xfe<script>\xc0\xbcscript>",
	"style":               `;}*{display:none} expression(alert(1)) url(//evil.example)`,
}

// filled is a failure with an attack in every text that it holds, also as the names of its headers and
// fields.
func filled(number int, attack string) *fault.Failure {
	f := failure(number, start, "x")
	fill(reflect.ValueOf(f).Elem(), attack)
	f.Kind = fault.KindError // The catcher's own word.
	return f
}

func fill(v reflect.Value, attack string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(attack)
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), attack)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().PkgPath() != "time" {
				fill(v.Field(i), attack)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), attack)
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		m.SetMapIndex(reflect.ValueOf(attack), reflect.ValueOf([]string{attack, attack}))
		v.Set(m)
	}
}

// TestNothingRuns plants every attack in every field of a failure and looks through every page.
func TestNothingRuns(t *testing.T) {
	t.Parallel()
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{})
			s.happen(filled(1, attack), filled(2, attack))
			i := s.only()
			if err := s.book.Mute(t.Context(), i.ID, attack, start.AddDate(0, 0, 1), 5); err != nil {
				t.Fatal(err)
			}
			page := s.get(prefix + "/" + i.ID).wants(200)
			harmless(t, page)
			if !strings.Contains(page.body, "Muted by") {
				t.Error("the page does not tell who muted it")
			}
			harmless(t, s.get(prefix+"/"+i.ID+"?failure="+i.LastID.Full()).wants(200))
			harmless(t, s.get(prefix+"?state=all").wants(200).shows(i.ID))
			harmless(t, s.get(prefix+"/status").wants(200))
			harmless(t, s.get(prefix+"/"+url.PathEscape(attack)).wants(404))
			harmless(t, s.get(prefix+"/"+i.ID+"/"+url.PathEscape(attack)).wants(404))
			for _, parameter := range []string{"q", "state", "cursor", "done"} {
				harmless(t, s.get(prefix+"?"+parameter+"="+url.QueryEscape(attack)))
			}
			for _, parameter := range []string{"failure", "range", "done"} {
				harmless(t, s.get(prefix+"/"+i.ID+"?"+parameter+"="+url.QueryEscape(attack)))
			}
			for _, field := range []string{"for", "until", "count"} {
				harmless(t, s.post(prefix+"/"+i.ID+"/mute", field, attack).wants(400))
			}
			harmless(t, s.post(prefix+"/"+i.ID+"/resolve", "build", attack).wants(400))
			if err := s.book.Resolve(t.Context(), i.ID, attack, true); err != nil {
				t.Fatal(err)
			}
			harmless(t, s.get(prefix+"/"+i.ID).wants(200).shows("Resolved by"))
		})
	}
}

// The elements and attributes that pages of the desk are made of. There is none that runs.
var (
	elements = words(`html head meta title link body main div nav a form label input button p strong span details summary pre svg rect
		h1 h2 h3 ul ol li code bdi table caption thead tbody tr th td section dl dt dd figure figcaption time br`)
	attributes = words(`lang charset name content rel href class id for type value maxlength autocomplete autocapitalize spellcheck dir
		method action role tabindex datetime title scope required min max inputmode data-label viewBox preserveAspectRatio focusable
		x y width height transform aria-label aria-labelledby aria-current`)
)

func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// harmless checks that a page is made of those only, leads nowhere but to the desk, and holds no
// character that does something.
func harmless(t *testing.T, a *answer) {
	t.Helper()
	for _, r := range a.body {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' {
			t.Errorf("%s: the page holds %U", a.what, r)
			break
		}
	}
	seen := 0
	err := eachElement(a.body, func(e xml.StartElement, _ []string) {
		seen++
		if !elements[e.Name.Local] {
			t.Errorf("%s: an element %s", a.what, e.Name.Local)
		}
		for _, attribute := range e.Attr {
			name, value := attribute.Name.Local, attribute.Value
			if !attributes[name] {
				t.Errorf("%s: %s has an attribute %s", a.what, e.Name.Local, name)
			}
			switch name {
			case "href", "action":
				if !strings.HasPrefix(value, prefix) || len(value) > len(prefix) && !strings.ContainsRune("/?", rune(value[len(prefix)])) || strings.Contains(value, "//") {
					t.Errorf("%s: %s leads to %q", a.what, e.Name.Local, value)
				}
			case "class", "id", "for", "role", "name", "type", "method", "tabindex", "rel":
				if strings.ContainsAny(value, `<>"'(){}:;`) {
					t.Errorf("%s: %s has %s %q", a.what, e.Name.Local, name, value)
				}
			}
		}
	})
	if err != nil {
		t.Errorf("%s: %v\n%s", a.what, err, a.body)
	}
	if seen < 20 {
		t.Errorf("%s: only %d elements\n%s", a.what, seen, a.body)
	}
}

// void are the elements without an end.
var void = []string{"meta", "link", "input", "br"}

// eachElement calls f for every element of a page with the names of those around it. The page must be
// well-formed but for the elements that HTML does not close.
func eachElement(page string, f func(e xml.StartElement, around []string)) error {
	return walk(page, func(token xml.Token, around []string) {
		if e, ok := token.(xml.StartElement); ok {
			f(e, around)
		}
	})
}

func walk(page string, f func(token xml.Token, around []string)) error {
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, void, xml.HTMLEntity
	var around []string
	for {
		token, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF) && len(around) == 0:
			return nil
		case err != nil:
			return fmt.Errorf("the page is not well-formed within %v: %w", around, err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			f(e, around)
			if !slices.Contains(void, e.Name.Local) {
				around = append(around, e.Name.Local)
			}
		case xml.EndElement:
			if slices.Contains(void, e.Name.Local) {
				continue
			}
			if len(around) == 0 || around[len(around)-1] != e.Name.Local {
				return fmt.Errorf("the page closes %s within %v", e.Name.Local, around)
			}
			around = around[:len(around)-1]
			f(e, around)
		case xml.CharData:
			f(e.Copy(), around)
		case xml.Comment:
			return fmt.Errorf("the page has a comment: %s", e)
		}
	}
}

// TestHeaders: the browser is told to run nothing, to keep nothing, and not to guess.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.happen(failure(1, start, "gone"))
	for _, path := range []string{"", "/status", "/" + s.only().ID, "/nothing/at/all", "?state=wrong"} {
		h := s.get(prefix + path).header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"Cache-Control":           "no-store",
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "same-origin",
			"Content-Type":            "text/html; charset=utf-8",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%q: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// FuzzRequest: whatever is asked for, the answer is a page or a redirect within the desk.
func FuzzRequest(f *testing.F) {
	s := newSite(f, siteOptions{})
	s.happen(failure(1, start, "gone"))
	id := s.only().ID
	for _, seed := range []struct{ method, path, query, form string }{
		{"GET", "", "state=all&q=x&cursor=y", ""}, {"GET", "/" + id, "failure=0123456789&range=week&done=mute", ""},
		{"POST", "/" + id + "/mute", "", "for=1h"}, {"POST", "/" + id + "/mute", "", "until=2026-12-01T00:00&count=5"},
		{"POST", "/" + id + "/resolve", "", "build=next"}, {"POST", "/" + id + "/reopen", "", "%zz"}, {"GET", "/%2f%00", "q=%ff", ""},
	} {
		f.Add(seed.method == "POST", seed.path, seed.query, seed.form)
	}
	f.Fuzz(func(t *testing.T, post bool, path, query, form string) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		r, err := http.NewRequest(method, s.URL, strings.NewReader(form))
		if err != nil {
			t.Skip()
		}
		r.URL.Path, r.URL.RawQuery = prefix+path, strings.Map(func(c rune) rune {
			if c <= ' ' || c == 0x7f {
				return '+'
			}
			return c
		}, query)
		r.Header.Set("Origin", s.URL)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a := s.on(t).do(r)
		switch {
		case a.status == http.StatusSeeOther:
			if to := a.header.Get("Location"); to != prefix && !strings.HasPrefix(to, prefix+"/") && !strings.HasPrefix(to, prefix+"?") {
				t.Errorf("%s leads to %q", a.what, to)
			}
		case a.status >= 500:
			t.Errorf("%s %q: status %d", a.what, form, a.status)
		case !strings.HasPrefix(a.header.Get("Content-Type"), "text/css"):
			harmless(t, a)
		}
	})
}
