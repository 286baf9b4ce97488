package overlay

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed templates/*.html static/*
var files embed.FS

// pages are the templates. They are part of the program, so that a mistake in them shows in every test.
var pages = template.Must(template.ParseFS(files, "templates/*.html"))

func render(name string, view any) []byte {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, view); err != nil {
		panic(err) // It is a mistake in this package: views hold nothing that can fail.
	}
	return b.Bytes()
}

// shell is what every page has in common.
type shell struct {
	Title  string
	Script string // client.js with its parameters; "" is none
	// Of the script: what the page is, so that it can go away by itself.
	Page   string // "", "problem", "wait", "overview"
	ID     string // of the problem
	State  string // of the problem: when it is another one, the page is out of date
	To     string // where to go when it is over; "" is the same address again
	Framed bool   // it is shown in a page of the application
	Debug  bool   // it is on the debugger's own origin
	Home   string // where the name of the whole leads
	Method string // of the request that was answered; "" is GET, so it can be sent again
}

// shellOf prepares a page. parameters are those of its script.
func shellOf(r *http.Request, title, page, parameters string) shell {
	s := shell{Title: title, Page: page, Home: Prefix}
	values, err := url.ParseQuery(parameters)
	if err != nil {
		values = url.Values{}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.Method = line(clip(r.Method, 20))
		values.Set("m", s.Method)
	}
	s.Script = Prefix + "client.js"
	if len(values) > 0 {
		s.Script += "?" + values.Encode()
	}
	return s
}

// types are the content types of the static files.
var types = map[string]string{
	"client.js":           "text/javascript; charset=utf-8",
	"page.js":             "text/javascript; charset=utf-8",
	"debugger.js":         "text/javascript; charset=utf-8",
	"debugger-server.js":  "text/javascript; charset=utf-8",
	"debugger-dom.js":     "text/javascript; charset=utf-8",
	"debugger-values.js":  "text/javascript; charset=utf-8",
	"debugger-console.js": "text/javascript; charset=utf-8",
	"debugger-room.js":    "text/javascript; charset=utf-8",
	"debugger-kept.js":    "text/javascript; charset=utf-8",
	"debugger-call.js":    "text/javascript; charset=utf-8",
	"debugger-tools.js":   "text/javascript; charset=utf-8",
	"overlay.css":         "text/css; charset=utf-8",
	"debugger.css":        "text/css; charset=utf-8",
	"icon.svg":            "image/svg+xml",
}

// Asset returns a static file by its name below Prefix: "client.js", "page.js", "overlay.css", "icon.svg" and what the
// debugger's page has besides.
func Asset(name string) (content []byte, contentType string, ok bool) {
	contentType, ok = types[name]
	if !ok {
		return nil, "", false
	}
	content, err := files.ReadFile("static/" + name)
	if err != nil {
		return nil, "", false // It was not embedded; a test asks for each.
	}
	return content, contentType, true
}
