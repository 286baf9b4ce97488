package proxy_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"example.org/microblog/fault/internal/devtool/proxy"
)

// TestPlace puts the tag | into pages. What stands before it here is where it has to be.
func TestPlace(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(" ", 20_000)
	for name, page := range map[string]string{
		"a usual page":            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>|\n<meta charset=\"utf-8\"><title>x</title></head><body><head></body></html>",
		"in capitals":             "<!doctype HTML><HTML><HEAD>|<TITLE>x</TITLE>",
		"a byte order mark":       "\xef\xbb\xbf<!doctype html><html><head>|",
		"no head":                 "<!doctype html><html>|<body>x",
		"no html":                 "<!doctype html>|<title>x</title>",
		"no body either":          "<!doctype html>\n|Hello",
		"a doctype alone":         "<!doctype html>|",
		"a body alone":            "|<body>x</body>",
		"a head alone":            "<head>|x",
		"attributes":              "<html data-a='>' data-b=\">\" data-c= data-d><head x=\"<head>\" y='a\"'>|x",
		"odd attributes":          "<html/a=b\"c>\n<head =a\"b>|x",
		"an unquoted slash":       "<html a=/><head/>|x",
		"comments":                "<!-- <head> --><!doctype html><!-- > --!><html><!--><!---><!-- a -- b --><head>|x",
		"an unclosed comment":     "<!doctype html><!-- <head>",
		"other declarations":      "<?xml version=\"1.0\"?><!ELEMENT x><!doctype html></ x><html><head>|",
		"a doctype with a system": "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\"><html><head>|",
		"header is no head":       "<html>|<header>x</header>",
		"htmlx is no html":        "<htmlx><head>",
		"an end tag":              "<!doctype html>|</p><head>",
		"a part":                  "<p>x</p><head>",
		"a part after a comment":  "<!-- x --><div><body>",
		"a row":                   "<tr><td>x",
		"text":                    "Hello <html><head>",
		"nothing":                 "",
		"spaces":                  " \n\t",
		"a comment":               "<!-- x -->",
		"a tag that never ends":   "<html><head",
		"a text that never ends":  "<html><head a=\"",
		"too far":                 "<!-- " + long + " --><html><head>",
		"too far, in spaces":      long + "<html><head>",
		"UTF-16":                  "\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00",
	} {
		if name == "a tag that never ends" {
			page = "<html>|<head" // it is dropped by browsers, and what comes before it is not
		}
		plain := strings.ReplaceAll(page, "|", "")
		for split, reader := range map[string]io.Reader{
			"at once": strings.NewReader(plain), "byte by byte": iotest.OneByteReader(strings.NewReader(plain)), "with its end": iotest.DataErrReader(strings.NewReader(plain)),
		} {
			got, err := proxy.PutIn(reader, "|", false)
			if err != nil || got != page {
				t.Errorf("%s, %s: %.200q, %v; want %.200q", name, split, got, err, page)
			}
		}
	}
	for plain, want := range map[string]string{
		"Hello": "|Hello", " <h1>x</h1>": " |<h1>x</h1>", "<!-- a --><p>x": "<!-- a -->|<p>x", "": "|", "\xff\xfe<\x00": "\xff\xfe<\x00",
	} {
		if got, err := proxy.PutIn(strings.NewReader(plain), "|", true); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

// FuzzPlace makes sure that nothing but the tag is new, and that pieces make no difference.
func FuzzPlace(f *testing.F) {
	for _, seed := range []string{
		"<!doctype html><html><head><title>x", "<!--", "<!-->", "<!--->", "<!-- --!><html a='>'>", "<html a=b'>c'><head>", "</", "<?", "<!", "<html", "<head/a=\"", "\xef\xbb\xbf <body>", "<!DOCTYPE\n>",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	const tag = "\x00TAG\x00"
	f.Fuzz(func(t *testing.T, page []byte, sure bool) {
		if bytes.Contains(page, []byte(tag)) {
			return
		}
		got, err := proxy.PutIn(bytes.NewReader(page), tag, sure)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Replace(got, tag, "", 1) != string(page) {
			t.Errorf("%q has become %q", page, got)
		}
		byByte, err := proxy.PutIn(iotest.OneByteReader(bytes.NewReader(page)), tag, sure)
		if err != nil || byByte != got {
			t.Errorf("byte by byte %q, %v; at once %q", byByte, err, got)
		}
		before, _, found := strings.Cut(got, tag)
		if !found {
			return
		}
		// nothing that is shown, or runs, comes before it
		for _, open := range []string{"<script", "<body", "<title", "<meta", "<p>"} {
			if i := strings.Index(strings.ToLower(before), open); i >= 0 && !strings.ContainsAny(before[:i], "\"'!?/") && strings.Count(before[:i], "<") == 0 {
				t.Errorf("%q comes before our script in %q", open, before)
			}
		}
		if sure {
			return
		}
		lower := strings.ToLower(string(page))
		if !strings.Contains(lower, "<html") && !strings.Contains(lower, "<head") && !strings.Contains(lower, "<body") && !strings.Contains(lower, "<!doctype") {
			t.Errorf("%q is no whole page", page)
		}
	})
}

// TestPages looks at which answers get the script, and how.
func TestPages(t *testing.T) {
	t.Parallel()
	const page = "<!doctype html><html><head><title>x</title></head><body>Grüße</body></html>"
	zip := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		fmt.Fprint(z, text)
		z.Close()
		return b.Bytes()
	}
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		h, query := w.Header(), r.URL.Query()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Etag", `"1"`)
		h.Set("Content-Digest", "sha-256=:x:")
		for name, values := range query {
			if name != "status" && name != "zip" && name != "body" {
				h[name] = values
			}
		}
		body := []byte(page)
		if query.Has("body") {
			body = []byte(query.Get("body"))
		}
		if query.Has("zip") {
			body = zip(page)
		}
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if r.URL.Path == "/encoding" {
			body = []byte("<html>" + r.Header.Get("Accept-Encoding"))
		}
		if !query.Has("Transfer") {
			h.Set("Content-Length", fmt.Sprint(len(body)))
		}
		var status int
		if _, err := fmt.Sscan(query.Get("status"), &status); err == nil {
			w.WriteHeader(status)
		}
		_, _ = w.Write(body)
	})
	browser := with(navigation, "Accept-Encoding", "gzip, br")
	for name, test := range map[string]struct {
		method, path string
		header       map[string]string
		put          bool
	}{
		"a page load":                   {"GET", "/", browser, true},
		"a form":                        {"POST", "/", browser, true},
		"an old browser":                {"GET", "/", map[string]string{"Accept": "text/html,*/*"}, true},
		"a frame":                       {"GET", "/", with(browser, "Sec-Fetch-Dest", "iframe"), true},
		"from another site":             {"GET", "/", with(browser, "Sec-Fetch-Site", "cross-site"), true},
		"an error page":                 {"GET", "/?status=500", browser, true},
		"a page of unknown length":      {"GET", "/?Transfer=chunked", browser, true},
		"a page in gzip":                {"GET", "/?Content-Encoding=gzip&zip", browser, true},
		"letters of a type":             {"GET", "/?Content-Type=Text/HTML%3bcharset=UTF-8", browser, true},
		"inline":                        {"GET", "/?Content-Disposition=inline", browser, true},
		"with a condition":              {"GET", "/", with(browser, "If-None-Match", `"1"`), true},
		"a script's request":            {"GET", "/", fetch, false},
		"curl":                          {"GET", "/", map[string]string{"Accept": "*/*"}, false},
		"a script in an old browser":    {"GET", "/", map[string]string{"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}, false},
		"an object":                     {"GET", "/", with(browser, "Sec-Fetch-Dest", "object"), false},
		"by another name":               {"GET", "/", with(browser, "Host", "evil.example"), false},
		"a download":                    {"GET", "/?Content-Disposition=attachment", browser, false},
		"a download with a name":        {"GET", "/?Content-Disposition=attachment%3bfilename=x.html", browser, false},
		"text":                          {"GET", "/?Content-Type=text/plain", browser, false},
		"XHTML":                         {"GET", "/?Content-Type=application/xhtml%2bxml", browser, false},
		"another encoding":              {"GET", "/?Content-Encoding=br", browser, false},
		"two encodings":                 {"GET", "/?Content-Encoding=gzip&Content-Encoding=br", browser, false},
		"no gzip, against what it says": {"GET", "/?Content-Encoding=gzip", browser, false},
		"UTF-16":                        {"GET", "/?Content-Type=text/html%3bcharset=utf-16le", browser, false},
		"a part of it":                  {"GET", "/?status=206&Content-Range=bytes+0-9/99", browser, false},
		"a part of a page, in old":      {"GET", "/?body=%3cp%3ex", map[string]string{"Accept": "text/html"}, false},
	} {
		res, body := f.do(test.method, test.path, nil, test.header)
		before, rest, _ := strings.Cut(body, "<script src=")
		tag, after, found := strings.Cut(rest, "</script>")
		if found != test.put {
			t.Errorf("%s: %s %q", name, res.Status, body)
			continue
		}
		if res.ContentLength >= 0 && res.ContentLength != int64(len(body)) {
			t.Errorf("%s: %d bytes of %d", name, len(body), res.ContentLength)
		}
		if found != (res.Header.Get("Content-Digest") == "") || res.Header.Get("Etag") != `"1"` {
			t.Errorf("%s: %v", name, res.Header)
		}
		if !found {
			continue
		}
		if before+after != page || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: it has become %q", name, body)
		}
		if !strings.HasPrefix(tag, `"/.fault/client.js?g=1&amp;r=`) || strings.Contains(tag, "&amp;m=POST") != (test.method == "POST") {
			t.Errorf("%s: %q", name, tag)
		}
	}
	if res, body := f.do("HEAD", "/", nil, browser); body != "" || res.ContentLength != int64(len(page)) {
		t.Errorf("%q %v", body, res)
	}
	if _, body := f.get("/encoding", browser); !strings.HasSuffix(body, "identity") {
		t.Error(body)
	}
	if _, body := f.get("/encoding", with(fetch, "Accept-Encoding", "gzip, br")); body != "<html>gzip, br" {
		t.Error(body)
	}
	if res, _ := f.get("/", with(fetch, "If-None-Match", `"1"`)); res.StatusCode != 304 {
		t.Error(res.Status)
	}
	if res, _ := f.get("/", with(browser, "If-None-Match", `"1"`, "Range", "bytes=0-9")); res.StatusCode != 304 {
		t.Error(res.Status)
	}
}

// TestPageIsNotHeldBack makes sure that only the beginning is.
func TestPageIsNotHeldBack(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for text := range next {
			fmt.Fprint(w, text)
			_ = http.NewResponseController(w).Flush()
		}
	})
	c := f.dial()
	c.say("GET / HTTP/1.1", "Host: localhost", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Sec-Fetch-Dest: document", "", "")
	next <- "<!doctype html><ht"
	next <- "ml><head>"
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	read := func(until string) string {
		var got []byte
		for !strings.HasSuffix(string(got), until) {
			b := make([]byte, 1)
			if _, err := io.ReadFull(res.Body, b); err != nil {
				t.Fatalf("%q, %v", got, err)
			}
			got = append(got, b...)
		}
		return string(got)
	}
	if got := read("</script>"); !strings.HasPrefix(got, "<!doctype html><html><head><script src=") {
		t.Errorf("%q", got)
	}
	next <- "<p>more"
	read("<p>more")
	close(next)
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) != 0 {
		t.Errorf("%q %v", rest, err)
	}
}
