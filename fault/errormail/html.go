package errormail

import (
	_ "embed"
	"html/template"
	"strings"
	"sync"
)

//go:embed mail.html
var htmlSource string

// htmlTemplate is parsed when the first mail is composed.
var htmlTemplate = sync.OnceValues(func() (*template.Template, error) {
	return template.New("mail").Funcs(template.FuncMap{
		"style": style, "sentence": sentence, "steps": func(n int) string { return counted(int64(n), "step", "steps") },
		"calls": func(n int) string { return counted(int64(n), "further call", "further calls") },
	}).Parse(htmlSource)
})

// html returns the letter as HTML, "" if it cannot be made: then the text has to do.
func (l *letter) html() string {
	t, err := htmlTemplate()
	if err != nil {
		return ""
	}
	var b strings.Builder
	if err := t.Execute(&b, l); err != nil {
		return ""
	}
	return b.String()
}

// Fonts that are there.
const (
	sans = "font-family:-apple-system,BlinkMacSystemFont,Segoe UI,Roboto,Helvetica,Arial,sans-serif;"
	mono = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,Liberation Mono,monospace;"
)

// styles are the inline styles by name: many mail programs ignore a style sheet. The colours are those
// of a light page; the style sheet of the mail replaces them where the program has a dark one and
// knows style sheets.
var styles = map[string]template.CSS{
	"body":    "margin:0;padding:0;background-color:#eef0f3;" + sans + "font-size:15px;line-height:1.5;color:#1f2430;",
	"page":    "background-color:#eef0f3;",
	"card":    "background-color:#ffffff;border:1px solid #d9dde3;border-radius:8px;",
	"alarm":   "background-color:#b3261e;",
	"watch":   "background-color:#9a5b00;",
	"calm":    "background-color:#1f7a3a;",
	"plain":   "background-color:#3b5b8c;",
	"badge":   "display:inline-block;padding:2px 10px;border-radius:11px;color:#ffffff;font-size:13px;font-weight:600;line-height:1.5;",
	"app":     "color:#5a6270;font-size:13px;",
	"h1":      "margin:10px 0 0;font-size:20px;line-height:1.35;font-weight:650;word-break:break-word;",
	"place":   mono + "margin:4px 0 0;font-size:13px;color:#5a6270;word-break:break-word;",
	"news":    "margin:10px 0 0;font-size:15px;",
	"h2":      "margin:0 0 8px;font-size:13px;font-weight:650;color:#5a6270;text-transform:uppercase;letter-spacing:.04em;",
	"section": "padding:18px 24px;border-top:1px solid #e6e9ed;",
	"head":    "padding:20px 24px 18px;",
	"th":      "padding:3px 16px 3px 0;text-align:left;vertical-align:top;font-weight:400;font-size:14px;color:#5a6270;white-space:nowrap;",
	"td":      "padding:3px 0;vertical-align:top;font-size:14px;word-break:break-word;",
	"button":  "display:inline-block;padding:8px 16px;border-radius:6px;background-color:#24507f;color:#ffffff;font-size:14px;font-weight:600;text-decoration:none;",
	"note":    "margin:8px 0 0;font-size:13px;color:#5a6270;word-break:break-word;",
	"call":    mono + "margin:14px 0 4px;font-size:13px;font-weight:600;word-break:break-word;",
	"name":    "font-weight:400;color:#5a6270;",
	"code":    mono + "width:100%;border-collapse:collapse;background-color:#f6f7f9;font-size:12px;line-height:1.55;border-radius:6px;",
	"no":      "width:1%;padding:0 10px 0 8px;text-align:right;vertical-align:top;color:#8a919d;white-space:nowrap;",
	"src":     "padding:0 8px 0 0;vertical-align:top;",
	"line":    "margin:0;font:inherit;white-space:pre-wrap;word-break:break-word;",
	"nohit":   "width:1%;padding:0 10px 0 8px;text-align:right;vertical-align:top;color:#b3261e;font-weight:700;white-space:nowrap;background-color:#fde7e5;",
	"srchit":  "padding:0 8px 0 0;vertical-align:top;background-color:#fde7e5;",
	"pre":     mono + "margin:0;padding:10px 12px;background-color:#f6f7f9;border-radius:6px;font-size:12px;line-height:1.55;white-space:pre-wrap;word-break:break-word;",
	"cause":   mono + "font-size:12px;line-height:1.55;white-space:pre-wrap;word-break:break-word;",
	"other":   mono + "font-size:12px;line-height:1.6;color:#5a6270;word-break:break-word;",
	"dim":     "color:#5a6270;",
	"bad":     "color:#b3261e;",
	"steps":   mono + "font-size:12px;line-height:1.5;",
	"step":    "padding:3px 0;vertical-align:top;word-break:break-word;",
	"at":      "padding:3px 10px 3px 0;vertical-align:top;text-align:right;white-space:nowrap;color:#5a6270;",
	"took":    "padding:3px 0 3px 10px;vertical-align:top;text-align:right;white-space:nowrap;color:#5a6270;",
	"how":     sans,
	"kind":    "padding:3px 10px 3px 0;vertical-align:top;color:#5a6270;",
	"bars":    "border-collapse:collapse;width:100%;max-width:480px;table-layout:fixed;",
	"bar":     "padding:0 1px 0 0;vertical-align:bottom;height:38px;border-bottom:1px solid #c6ccd4;font-size:0;line-height:0;",
	"fill":    "display:block;background-color:#b3261e;font-size:0;line-height:0;",
	"axis":    "padding:3px 0 0;font-size:12px;color:#5a6270;",
	"count":   "padding:6px 16px 6px 0;text-align:right;vertical-align:top;font-size:15px;font-weight:650;white-space:nowrap;",
	"item":    "padding:6px 0;vertical-align:top;font-size:14px;word-break:break-word;",
	"a":       "color:#24507f;",
	"hidden":  "display:none;max-height:0;overflow:hidden;font-size:1px;line-height:1px;",
	"foot":    "padding:14px 24px 18px;font-size:12px;color:#5a6270;",
}

func style(name any) template.CSS {
	switch n := name.(type) {
	case tone:
		return styles[string(n)]
	case string:
		return styles[n]
	}
	return ""
}

// sentence begins a text with a capital letter.
func sentence(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}
