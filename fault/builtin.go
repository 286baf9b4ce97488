package fault

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
)

// builtinStyle is the style of the built-in page. It is named by its hash in builtinPolicy; where
// another policy forbids it, the page stays readable and follows the reader's light or dark.
const builtinStyle = `
:root{color-scheme:light dark}
body{margin:0;font:1.05rem/1.6 system-ui,sans-serif;background:Canvas;color:CanvasText}
main{max-width:34rem;margin:0 auto;padding:18vh 1.5rem 3rem}
.status{margin:0;font-size:.95rem;letter-spacing:.08em;opacity:.65}
h1{margin:.1em 0 .6em;font-size:1.9rem;line-height:1.2}
p{margin:0 0 1em;overflow-wrap:anywhere}
code{padding:.1em .4em;border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:.3em;font:.95em ui-monospace,monospace}
a{color:LinkText}
`

var builtinPolicy = func() string {
	sum := sha256.Sum256([]byte(builtinStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// The built-in page, around what differs.
const (
	builtinHead = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<style>` + builtinStyle + `</style>
<title>`
	builtinBody = `</title>
</head>
<body>
<main>
<p class="status">`
	builtinFoot = `<p><a href="/">Go to the start page</a></p>
</main>
</body>
</html>
`
)

// builtinPage is the HTML for applications without pages of their own, and where those fail.
func builtinPage(p Page) []byte {
	title := html.EscapeString(p.Title)
	b := make([]byte, 0, len(builtinHead)+len(builtinBody)+len(builtinFoot)+2*len(p.Message)+512)
	b = append(b, builtinHead...)
	b = strconv.AppendInt(b, int64(p.Status), 10)
	b = append(append(append(b, ' '), title...), builtinBody...)
	b = strconv.AppendInt(b, int64(p.Status), 10)
	b = append(append(append(b, "</p>\n<h1>"...), title...), "</h1>\n"...)
	for _, line := range remarks(p) {
		b = append(append(append(b, "<p>"...), html.EscapeString(line)...), "</p>\n"...)
	}
	if p.ID != "" {
		b = append(append(append(b, "<p>If you report this, please quote <code>"...), html.EscapeString(p.ID)...), "</code>.</p>\n"...)
	}
	return append(b, builtinFoot...)
}

// plainText is the answer for terminals.
func plainText(p Page) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s\n", p.Status, p.Title)
	for _, line := range remarks(p) {
		b.WriteString(printable(line) + "\n")
	}
	if p.ID != "" {
		b.WriteString("If you report this, please quote " + p.ID + ".\n")
	}
	return []byte(b.String())
}

// remarks are the sentences that the built-in page and the plain text have in common.
func remarks(p Page) []string {
	var lines []string
	switch {
	case p.Message != "":
		lines = append(lines, p.Message)
	case p.Status >= 500 && p.Status != 503:
		lines = append(lines, "An unexpected error has occurred.")
	case p.Status == 404:
		lines = append(lines, "There is nothing at this address.")
	}
	if p.Notified {
		lines = append(lines, "The administrator has been notified.")
	}
	if p.RetryAfter > 0 {
		lines = append(lines, "Please try again in "+inWords(p.RetryAfter)+".")
	}
	return lines
}

// inWords rounds up to the unit it names.
func inWords(d time.Duration) string {
	seconds := int64((d + time.Second - 1) / time.Second)
	n, unit := seconds, "second"
	switch {
	case seconds > 2*60*60:
		n, unit = (seconds+3599)/3600, "hour"
	case seconds > 2*60:
		n, unit = (seconds+59)/60, "minute"
	}
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatInt(n, 10) + " " + unit + "s"
}

// printable keeps control characters of a text from doing anything to a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// problem is the answer for programs, a problem document (RFC 9457). Its extension members are named
// as in the log: fault is the ID to quote, request the request's; notified tells that somebody is
// being told, retry_after the seconds after which to try again.
func problem(p Page, instance string) []byte {
	doc := struct {
		Type       string `json:"type"`
		Title      string `json:"title"`
		Status     int    `json:"status"`
		Detail     string `json:"detail,omitempty"`
		Instance   string `json:"instance,omitempty"`
		Fault      string `json:"fault,omitempty"`
		Notified   bool   `json:"notified,omitempty"`
		RetryAfter int64  `json:"retry_after,omitempty"`
		Request    string `json:"request"`
	}{
		"about:blank", p.Title, p.Status, p.Message, instance, p.ID, p.Notified,
		int64((p.RetryAfter + time.Second - 1) / time.Second), p.RequestID,
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err) // It holds nothing that cannot be marshalled.
	}
	return append(b, '\n')
}
