package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/fault/redact"
)

// leftOut are the headers that curl makes itself, that are of one connection only, or with which
// curl would show bytes that nobody can read.
var leftOut = map[string]bool{
	"Accept-Encoding": true, "Connection": true, "Content-Length": true, "Expect": true, "Host": true,
	"Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// Curl returns the request as a command for a POSIX shell, of at most about max bytes, and what to know
// before it is pasted. "" means that too little of the request is known. base is where the application
// is reached, "https://blog.example.org"; "" stands for the Host header that the request came with.
//
// Nothing in the request can make the command do anything but ask for the same again: each part of it
// is one quoted word without control characters, and files are never read but by names of the
// command's own. What an unsafe method needs to pass a protection against requests from other sites is
// added where it is missing.
func (q *Request) Curl(base string, max int) (command string, notes []string) {
	if q == nil || q.Header == nil && q.Cut { // Of what was reported there is the path only.
		return "", nil
	}
	c := curlCommand{left: max}
	c.raw("curl -i --globoff --path-as-is")
	c.method(q)
	c.url(q, base)
	multipart := len(q.Files) > 0 || strings.HasPrefix(mediaType(q), "multipart/")
	c.headers(q, multipart)
	c.body(q, multipart)
	switch c.skipped {
	case 0:
	case 1:
		c.note("1 part was left out, because the command would be too long or could not carry it.")
	default:
		c.note("%d parts were left out, because the command would be too long or could not carry them.", c.skipped)
	}
	if s := c.b.String(); strings.Contains(s, redact.Mask) || strings.Contains(s, url.QueryEscape(redact.Mask)) {
		c.note("Parts of it were masked when it was recorded, so this is not the original request: put something in place of each %s.", redact.Mask)
	}
	if q.Cut {
		c.note("The request was cut when it was recorded; it had more, or longer values.")
	}
	return c.b.String(), c.notes
}

type curlCommand struct {
	b       strings.Builder
	left    int // bytes that may still be written
	skipped int
	notes   []string
}

func (c *curlCommand) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

func (c *curlCommand) raw(s string) {
	c.b.WriteString(s)
	c.left -= len(s)
}

// option adds an option with its value, on a line of its own.
func (c *curlCommand) option(name, value string) bool {
	if len(value) < c.left {
		value = quote(value)
	}
	if len(name)+len(value)+8 > c.left {
		c.skipped++
		return false
	}
	c.raw(" \\\n  " + name + " " + value)
	return true
}

func (c *curlCommand) method(q *Request) {
	switch q.Method {
	case "", http.MethodGet:
		if q.ContentLength != 0 {
			c.raw(" -X GET") // With a body curl would take POST.
		}
	case http.MethodHead:
		c.raw(" --head") // With -X curl would wait for a body.
	default:
		if !isToken(q.Method) {
			c.note("The method %q cannot be put into a command; this is a GET.", q.Method)
			return
		}
		c.raw(" -X " + plainOrQuoted(q.Method))
	}
}

// url adds where to: to the application's address if that is known, else to the host that the request
// named. A proxy may have changed that, and anybody may have made it up.
func (c *curlCommand) url(q *Request, base string) {
	host := q.Host
	if !isHost(host) {
		host = ""
	}
	server := "http://" + host
	switch parsed, err := url.Parse(base); {
	case err == nil && parsed.Host != "" && (parsed.Scheme == "http" || parsed.Scheme == "https"):
		server = parsed.Scheme + "://" + parsed.Host
		if host != "" && host != parsed.Host {
			c.note("The request came with the Host header %s.", host)
		}
	case host == "":
		server = "http://localhost"
		c.note("It is not known where the application is reached: put that in place of http://localhost.")
	}
	target := ascii(q.URL)
	if strings.HasPrefix(target, "/") {
		c.raw(" " + quote(server+target))
		return
	}
	c.raw(" " + quote(server+"/"))
	if target != "" { // "*", or a whole address as it is asked of a proxy.
		c.option("--request-target", target)
	}
}

func (c *curlCommand) headers(q *Request, multipart bool) {
	names := make([]string, 0, len(q.Header))
	for name := range q.Header {
		if !leftOut[http.CanonicalHeaderKey(name)] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	// What an unsafe method needs to pass a protection against requests from other sites.
	if isUnsafe(q.Method) && q.Header.Get("Sec-Fetch-Site") == "" {
		c.option("-H", "Sec-Fetch-Site: same-origin")
	}
	for _, name := range names {
		if multipart && http.CanonicalHeaderKey(name) == "Content-Type" {
			continue // curl makes one, with a boundary of its own.
		}
		if !isToken(name) {
			c.skipped++
			continue
		}
		for _, value := range q.Header[name] {
			value = strings.TrimSpace(strings.Map(harmless, value))
			if value == "" {
				c.option("-H", name+";") // curl's way to send an empty one.
				continue
			}
			c.option("-H", name+": "+value)
		}
	}
	if len(q.Form) > 0 && !multipart && q.Header.Get("Content-Type") == "" {
		c.option("-H", "Content-Type: application/x-www-form-urlencoded")
	}
}

func (c *curlCommand) body(q *Request, multipart bool) {
	fields := make([]string, 0, len(q.Form))
	for name := range q.Form {
		fields = append(fields, name)
	}
	slices.Sort(fields)
	for _, name := range fields {
		for _, value := range q.Form[name] {
			if multipart {
				c.part(name, value)
			} else {
				c.field(name, value)
			}
		}
	}
	for i, file := range q.Files {
		c.file(i+1, file)
	}
	switch {
	case len(fields) > 0 || len(q.Files) > 0 || q.Method == http.MethodHead:
	case q.Body != "" && strings.Map(harmless, compactBody(q.Body)) == compactBody(q.Body):
		c.option("--data-raw", compactBody(q.Body))
	case q.Body != "":
		c.note("The request had a body that a command cannot hold: write it into the file request-body.")
		c.option("--data-binary", "@request-body")
	case q.ContentLength > 0:
		c.note("The request had a body of %d bytes, which was not kept: write one into the file request-body.", q.ContentLength)
		c.option("--data-binary", "@request-body")
	case q.ContentLength < 0:
		c.note("The request had a body of unknown length, which was not kept: write one into the file request-body.")
		c.option("--data-binary", "@request-body")
	}
}

// compactBody is a body without line breaks, where they mean nothing: in JSON.
func compactBody(body string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(body)) != nil {
		return body
	}
	return b.String()
}

// field adds a field of an urlencoded form. curl encodes what people can read; anything else, which
// no argument or no terminal could hold, comes encoded.
func (c *curlCommand) field(name, value string) {
	if name != "" && strings.Map(harmless, value) == value {
		c.option("--data-urlencode", url.QueryEscape(name)+"="+value)
		return
	}
	c.option("--data-raw", url.QueryEscape(name)+"="+url.QueryEscape(value))
}

// part adds a field of a multipart form. A name with "=" would end there and the rest be obeyed.
func (c *curlCommand) part(name, value string) {
	if !isPartName(name) || strings.Map(harmless, value) != value {
		c.skipped++
		return
	}
	c.option("--form-string", name+"="+value)
}

// file adds an uploaded file. What the client called it is never a file to be read here.
func (c *curlCommand) file(number int, file File) {
	if !isPartName(file.Field) {
		c.skipped++
		return
	}
	placeholder := fmt.Sprintf("upload-%d", number)
	name := path.Base(strings.Map(harmless, file.Name))
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
	if c.option("-F", fmt.Sprintf(`%s=@"%s";filename="%s"`, file.Field, placeholder, escaped)) {
		c.note("%s stands for the uploaded file %q of %d bytes, which was not kept.", placeholder, name, file.Size)
	}
}

// quote returns a text as one word of a POSIX shell that means nothing but itself.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func plainOrQuoted(s string) string {
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return quote(s)
		}
	}
	return s
}

// ascii returns an address with everything percent-encoded that may not stand in one, or would be the
// beginning of a fragment.
func ascii(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f && c != '#' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// harmless replaces what a terminal may obey by a space.
func harmless(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r) {
		return ' '
	}
	return r
}

// isHost tells whether a text is a host with an optional port, and nothing that curl would take for more.
func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(".-:[]_", rune(c)) {
			return false
		}
	}
	parsed, err := url.Parse("http://" + s + "/")
	return s != "" && err == nil && parsed.Host == s
}

// isPartName tells whether curl takes a text for the whole name of a part.
func isPartName(s string) bool {
	return s != "" && !strings.ContainsAny(s, `="\`) && strings.Map(harmless, s) == s
}

func isUnsafe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

func mediaType(q *Request) string {
	kind, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}
