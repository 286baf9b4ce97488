package desk

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/internal/visible"
	"example.org/microblog/fault/trace"
)

//go:embed templates/*.html static/desk.css
var files embed.FS

func parseTemplates() (*template.Template, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"visible": visible.Text,
		"line":    line,
		"number":  number,
		"count":   count,
	}).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("desk: parsing the templates: %w", err)
	}
	return t, nil
}

// frame is what all pages have in common.
type frame struct {
	Prefix string
	Home   string // the address of the list
	Title  string
	Search string // what stands in the search field
	Status bool   // this is the page about the journal and the mail
	// Done tells what the request before has done; "" if nothing.
	Done     string
	Degraded *degraded // SQL is away; nil: it is not
}

// degraded tells since when and why the book is kept in the state file.
type degraded struct {
	Since stamp
	Why   clipped
}

func (d *desk) frame(title string) frame {
	f := frame{Prefix: d.prefix, Home: d.home, Title: title}
	if s := d.book.Status(); s.Degraded {
		f.Degraded = &degraded{d.stamp(s.Since), clip(s.Err, 300, 3)}
	}
	return f
}

// render answers with the page that a template makes of a view.
func (d *desk) render(w http.ResponseWriter, r *http.Request, status int, name, title string, view any) error {
	var b bytes.Buffer
	if err := d.templates.ExecuteTemplate(&b, name, view); err != nil {
		return trace.Wrap(err, "making a page of the desk")
	}
	p := Page{
		Title:      title,
		Body:       template.HTML(b.String()), // Made by html/template, which has escaped it.
		Stylesheet: d.prefix + "/" + d.stylesheet.name,
		Status:     status,
	}
	return trace.Wrap(d.layout(w, r, p), "making a page of the desk")
}

// policy is the Content-Security-Policy of the desk's own layout. Nothing runs.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// plainLayout is the Layout for applications without one.
func (d *desk) plainLayout(w http.ResponseWriter, _ *http.Request, p Page) error {
	var b bytes.Buffer
	if err := d.templates.ExecuteTemplate(&b, "layout.html", p); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Content-Security-Policy", policy)
	w.WriteHeader(p.Status)
	_, _ = w.Write(b.Bytes()) // It fails when the reader is gone, which is nobody's fault.
	return nil
}

// answered turns what an action returned into an answer: what is the request's own fault, or passes,
// becomes a page of the desk; anything else is the Catcher's.
func (d *desk) answered(w http.ResponseWriter, r *http.Request, err error) error {
	var known *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return d.problem(w, r, known)
	case errors.Is(err, incident.ErrNotFound):
		return d.problem(w, r, fault.NotFound("There is no such incident. What was resolved long ago is forgotten after a while."))
	case errors.Is(err, incident.ErrNoSQL):
		e := fault.Unavailable("The database cannot be reached, and without it this cannot be done. Nothing was changed.", 0)
		e.Expected = true // It is an incident of its own already.
		return d.problem(w, r, e)
	}
	return err
}

// problemView is the page for what cannot be answered.
type problemView struct {
	frame
	Code    int
	Heading string
	Message string
}

// problem answers with a page of the desk that says what is wrong. An error that is not a fault.Error
// is returned.
func (d *desk) problem(w http.ResponseWriter, r *http.Request, err error) error {
	var e *fault.Error
	if !errors.As(err, &e) || e.Status < 400 || e.Status >= 500 && !e.Expected {
		return err
	}
	for name, values := range e.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	v := problemView{frame: d.frame(http.StatusText(e.Status)), Code: e.Status, Heading: heading(e.Status), Message: e.Public}
	return d.render(w, r, e.Status, "problem.html", v.Heading, v)
}

func heading(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "That could not be understood"
	case http.StatusForbidden:
		return "That is not allowed"
	case http.StatusNotFound:
		return "Not found"
	case http.StatusMethodNotAllowed:
		return "This address does not work that way"
	case http.StatusServiceUnavailable:
		return "That is not possible right now"
	}
	return http.StatusText(status)
}

// stylesheet is the one static file. Its name carries the hash of its content, so that it may be kept.
type stylesheet struct {
	name    string
	content []byte
}

func readStylesheet() (stylesheet, error) {
	content, err := files.ReadFile("static/desk.css")
	if err != nil {
		return stylesheet{}, fmt.Errorf("desk: reading the stylesheet: %w", err)
	}
	sum := sha256.Sum256(content)
	return stylesheet{"desk." + hex.EncodeToString(sum[:8]) + ".css", content}, nil
}

func (d *desk) serveStylesheet(w http.ResponseWriter, r *http.Request, _ string) error {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.stylesheet.content))
	return nil
}
