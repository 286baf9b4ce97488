package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// formFields are the forms and their fields. The first two are for strangers.
var formFields = []struct {
	path   string
	fields []string
}{
	{"/login", []string{"username", "password", "next", "remember_me"}},
	{"/register", []string{"username", "email", "password", "password2"}},
	{"/edit_profile", []string{"username", "about_me"}},
	{"/", []string{"post", "once"}},
	{"/account", []string{"current_password", "password", "password2"}},
	{"/logout", nil},
}

// nasty are texts that have broken forms before.
var nasty = []string{
	"",
	" ",
	"susan",
	"\x00",
	"a\x00b",
	"\xff\xfe\xfd",
	"\xed\xa0\x80", // a surrogate in UTF-8
	"\xc0\xaf",     // an overlong slash
	strings.Repeat("x", 5000),
	strings.Repeat("👨‍👩‍👧‍👦", 200),
	"e" + strings.Repeat("\u0301", 3000), // one character
	"مرحبا \u202eسوسن\u202c",
	"\u202e\u2066evil\u2069",
	"\u200b\u200c\u200d\ufeff",
	"Ｆｕｌｌｗｉｄｔｈ",
	"ﷺﷺﷺ",
	"İıſK",
	"a\r\nb\rc\nd\ve\ff\u0085g\u2028h",
	"x\r\nSet-Cookie: session=stolen\r\n\r\n<script>alert(1)</script>",
	"<script>alert(1)</script>",
	`"><img src=x onerror=alert(1)>`,
	"</textarea></title></style><svg/onload=alert(1)>",
	"' OR 1=1; DROP TABLE users; --",
	"'; SELECT pg_sleep(10); --",
	"$1 %s %d {{.}} ${x} \\",
	"%00%0a%ff",
	"//evil.example/",
	"javascript:alert(1)",
	"../../etc/passwd",
	"=cmd|' /C calc'!A0",
	"nobody@example.com",
	"🇨🇿🏳️‍🌈👩🏽‍💻",
}

// fuzzer is a server with a person for member forms.
type fuzzer struct {
	once   sync.Once
	server *server
	member *client
	name   string
}

func (f *fuzzer) start(t *testing.T) *fuzzer {
	f.once.Do(func() {
		f.server = shared(t)
		f.name = unique("fuzz")
		f.server.personNamed(t, f.name)
	})
	return f
}

// client returns a client that is logged in where the form is for members.
func (f *fuzzer) client(t *testing.T, form int) *client {
	c := f.server.client(t)
	if form < 2 {
		return c
	}
	if f.member == nil || !f.member.at(t).loggedIn() {
		// The last round has ended the session or changed the name: somebody new.
		f.member = f.server.person(t, "fuzz")
	}
	m := f.member.at(t)
	m.from(randomAddr())
	return m
}

// at is the client for another test.
func (c *client) at(t testing.TB) *client {
	other := *c
	other.t, other.header = t, c.header.Clone()
	return &other
}

func (c *client) loggedIn() bool {
	c.t.Helper()
	return c.get("/edit_profile").status == http.StatusOK
}

// FuzzForms sends the forms with anything in their fields. Whatever comes, the answer is one that
// the form has, a page in UTF-8, without anything of what was sent at work in it; and what was typed
// is still there.
func FuzzForms(f *testing.F) {
	for i, form := range formFields {
		f.Add(uint8(i), "susan", "susan", "susan", "susan")
		for j, field := range form.fields {
			if field == "remember_me" {
				continue // on or off, whatever it says
			}
			for _, text := range nasty {
				values := []string{"susan", "susan", "susan", "susan"}
				values[j] = text
				f.Add(uint8(i), values[0], values[1], values[2], values[3])
			}
		}
	}
	var fz fuzzer
	f.Fuzz(func(t *testing.T, which uint8, a, b, c, d string) {
		index := int(which) % len(formFields)
		form := formFields[index]
		sent := url.Values{}
		for i, field := range form.fields {
			sent.Set(field, []string{a, b, c, d}[i])
		}
		client := fz.start(t).client(t, index)
		r := client.post(form.path, sent)
		checkFormAnswer(t, r)
		switch r.status {
		case http.StatusUnprocessableEntity, http.StatusTooManyRequests:
			checkKept(t, r, sent)
		case http.StatusSeeOther:
			shown := client.get(r.header.Get("Location"))
			if shown.status >= 500 {
				t.Errorf("the page after the form: status %d", shown.status)
			}
			if shown.header.Get("Content-Type") == pageType {
				harmless(t, shown.what, shown.doc())
			}
		}
	})
}

// checkFormAnswer checks what is true of every answer to a form.
func checkFormAnswer(t *testing.T, r *reply) {
	t.Helper()
	if !slices.Contains([]int{303, 400, 403, 413, 415, 422, 429}, r.status) {
		t.Fatalf("%s: status %d: %s", r.what, r.status, tail(r.body))
	}
	for name, values := range r.header {
		if name == "Set-Cookie" && strings.Contains(strings.Join(values, "\n"), "stolen") {
			t.Errorf("%s: the header %s is %q", r.what, name, values)
		}
	}
	if r.status == http.StatusSeeOther {
		to := r.header.Get("Location")
		if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
			t.Errorf("%s leads to %q", r.what, to)
		}
		return
	}
	r.inLayout()
	harmless(t, r.what, r.doc())
	if leak := internals.FindString(r.text()); leak != "" && leak != "SELECT " && leak != "stack" {
		// People may type such words; what they typed stands in fields, which text does not show.
		t.Errorf("%s: the page tells a stranger %q: %s", r.what, leak, r.text())
	}
}

// checkKept checks that a form that was refused still holds what was typed, but for passwords.
func checkKept(t *testing.T, r *reply, sent url.Values) {
	t.Helper()
	for field := range sent {
		switch field {
		case "once", "next", "remember_me":
			continue
		}
		typed, shown := lines(sent.Get(field)), lines(r.value(field))
		if strings.Contains(field, "password") {
			if shown != "" {
				t.Errorf("%s: the page repeats a password: %q", r.what, shown)
			}
			continue
		}
		if !utf8.ValidString(typed) || strings.ContainsAny(typed, "\x00") {
			continue
		}
		if strings.TrimSpace(shown) != strings.TrimSpace(typed) {
			t.Errorf("%s: the field %s holds %q, and %q was typed", r.what, field, shown, typed)
		}
	}
}

// lines makes every line end a line feed, as forms and browsers change them.
func lines(text string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
}

// FuzzBodies sends anything as the body of a form, under any content type.
func FuzzBodies(f *testing.F) {
	const plain, multi = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	for i := range formFields {
		for contentType, body := range map[string]string{
			"":                                   "username=susan",
			plain:                                "username=susan&username=john",
			plain + "; charset=x":                "username=%zz",
			plain + ";":                          "username=%FF%FE&%00=%00&&&==",
			"text/plain":                         "username=susan",
			"application/json":                   `{"username":"susan"}`,
			multi:                                "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nsusan\r\n--x--\r\n",
			"multipart/form-data":                "--x\r\n",
			"multipart/form-data; boundary=\"\"": "--\r\n\r\n----",
		} {
			f.Add(uint8(i), contentType, body)
		}
		f.Add(uint8(i), plain, strings.Repeat("a=b&", 20_000))
		f.Add(uint8(i), plain, strings.Repeat("username=x;", 1000))
		f.Add(uint8(i), multi, strings.Repeat("--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", 1000))
	}
	var fz fuzzer
	f.Fuzz(func(t *testing.T, which uint8, contentType, body string) {
		for _, c := range contentType {
			if c < ' ' && c != '\t' || c == 0x7f || c == utf8.RuneError {
				t.Skip("no client sends this")
			}
		}
		index := int(which) % len(formFields)
		c := fz.start(t).client(t, index)
		req, err := http.NewRequest("POST", c.base+formFields[index].path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = c.header.Clone()
		req.Header.Set("Origin", c.base)
		req.Header.Set("Content-Type", contentType)
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		checkFormAnswer(t, readReply(t, "POST "+formFields[index].path, resp))
	})
}
