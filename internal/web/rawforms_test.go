package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestFormsAsSent sends forms as no browser does.
func TestFormsAsSent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	susan := s.member("susan")
	files, filesType := multi(t, func(m *multipart.Writer) {
		w, _ := m.CreateFormFile("post", "post.txt")
		_, _ = w.Write([]byte("Hello"))
	})
	fields, fieldsType := multi(t, func(m *multipart.Writer) { _ = m.WriteField("post", "In parts") })
	const urlencoded = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		kind, body string
		status     int
		shows      string
	}{
		"in parts":                   {fieldsType, fields, 303, ""},
		"with a charset":             {urlencoded + "; charset=utf-8", "post=With+a+charset", 303, ""},
		"a field too many":           {urlencoded, "post=Field&more=1", 303, ""},
		"a file":                     {filesType, files, 400, "does not take files"},
		"cut off parts":              {fieldsType, fields[:len(fields)-10], 400, "cannot be read"},
		"parts without boundary":     {"multipart/form-data", fields, 400, "cannot be read"},
		"JSON":                       {"application/json", `{"post":"Hello"}`, 415, "urlencoded"},
		"no type":                    {"", "post=Hello", 415, "urlencoded"},
		"a type that is none":        {"; ;", "post=Hello", 400, "Content-Type"},
		"twice":                      {urlencoded, "post=One&post=Two", 400, "more than once"},
		"not UTF-8":                  {urlencoded, "post=%ff%fe", 400, "not text in UTF-8"},
		"a NUL":                      {urlencoded, "post=a%00b", 400, "not text in UTF-8"},
		"bad encoding":               {urlencoded, "post=%zz", 400, "cannot be read"},
		"a semicolon":                {urlencoded, "post=a;once=b", 400, "cannot be read"},
		"too large":                  {urlencoded, "post=" + strings.Repeat("a", 64<<10), 413, "64 KiB"},
		"too large in what is extra": {urlencoded, "post=a&more=" + strings.Repeat("a", 64<<10), 413, "64 KiB"},
	} {
		for _, length := range []string{"known", "unknown"} {
			t.Run(name+", length "+length, func(t *testing.T) {
				t.Parallel()
				susan := susan.on(t)
				r := susan.request(http.MethodPost, "/", strings.NewReader(test.body))
				if length == "unknown" {
					r = susan.request(http.MethodPost, "/", struct{ *strings.Reader }{strings.NewReader(test.body)})
				}
				r.Header.Set("Origin", s.URL)
				if test.kind != "" {
					r.Header.Set("Content-Type", test.kind)
				}
				susan.do(r).wants(test.status).shows(test.shows)
			})
		}
	}
}

func multi(t *testing.T, write func(*multipart.Writer)) (body, kind string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	write(m)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), m.FormDataContentType()
}

// FuzzForms: no form, however wrong, makes the server fail, and every refusal is a whole page.
func FuzzForms(f *testing.F) {
	for _, seed := range []string{
		"username=susan&password=x", "post=a", "post=%ff", "username=%00", "username=a&username=b", "about_me=" + strings.Repeat("é", 200),
		"username=%E2%80%AE&email=a@b.c&password=12345678&password2=12345678", ";", "%", "username=.&next=//x", "username=ſusan", "once=%20&post=%E2%80%8B",
		"current_password=x&password=12345678&password2=12345678", "username=con&email=%22a%22%40b", "username=" + strings.Repeat("%F0%9F%91%A8", 70),
	} {
		f.Add(seed)
	}
	s := newSite(f)
	b := s.member("susan")
	stranger := s.browser()
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/", "/edit_profile", "/account", "/login", "/register"} {
			who := b
			if path == "/login" || path == "/register" {
				who = stranger
			}
			who = who.on(t)
			a := who.do(who.form(path, body))
			switch a.status {
			case 303:
				if to := a.header.Get("Location"); !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
					t.Fatalf("%s %q leads to %q", path, body, to)
				}
			case 400, 413, 422, 429:
				if !strings.HasSuffix(strings.TrimSpace(a.body), "</html>") || !utf8.ValidString(a.body) {
					t.Fatalf("%s %q: status %d, and no whole page:\n%s", path, body, a.status, a.body)
				}
			default:
				t.Fatalf("%s %q: status %d\n%s", path, body, a.status, a.text())
			}
		}
		if failed := s.failed.take(); len(failed) > 0 {
			t.Fatalf("%q: %s", body, failed[0].Message)
		}
	})
}
