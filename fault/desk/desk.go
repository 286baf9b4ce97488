// Package desk is where an application's incidents are looked after: a few pages, as an http.Handler
// that can be mounted anywhere.
//
// They show the incidents by state, one incident with all that is known of it, a failure by the ID
// that somebody quotes, and what the journal and the outbox hold; and they resolve, mute and reopen.
// They work without JavaScript and under a strict Content-Security-Policy, and what an attacker has
// put into a request is only ever shown.
//
//	handler, err := desk.New(desk.Options{
//		Book:   book,
//		Prefix: "/admin/incidents",
//		Allow:  administratorsOnly, // func(*http.Request) error
//	})
//	mux.Handle("/admin/incidents", handler)
//	mux.Handle("/admin/incidents/", handler)
package desk

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/journal"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/source"
)

// Options are what a desk needs. Book must be given; without Allow nobody gets in.
//
// The functions may be called by several goroutines at once.
type Options struct {
	Book    *incident.Book
	Outbox  *outbox.Outbox   // nil: nothing is said about the delivery of mails
	Journal *journal.Journal // nil: nothing is said about the journal
	Source  *source.Finder   // nil: frames are shown without the lines around them

	// Mask masks secrets in the lines of source code, such as redact.Redactor.Text; nil: they are shown
	// as they are. What is shown of failures was masked when they were captured.
	Mask func(string) string

	// BaseURL is where the application is reached, "https://blog.example.org", for the requests as
	// commands. "": the Host header that the failing request came with.
	BaseURL string

	// Prefix is the path at which the handler is mounted, without a slash at its end; "" is the root.
	// Requests must arrive with their whole path.
	Prefix string

	// Allow returns nil for who may see the desk and use it. Any other request is answered with its
	// error, as fault.Catcher.Handle does: fault.NotFound for an address that strangers are not to know
	// of, or a fault.Error of status 303 with a Location that leads to the log-in. Nil refuses all.
	Allow func(*http.Request) error

	// By names who makes a request, for the record of who resolved or muted an incident. Nil, or "":
	// the record names nobody.
	By func(*http.Request) string

	// Layout answers with a page within the application's own layout. Nil: the page stands by itself.
	// The header already forbids caching. What Layout returns is a failure of the request.
	Layout func(w http.ResponseWriter, r *http.Request, p Page) error

	// CrossOrigin decides which POSTs come from the same site. Nil: a http.CrossOriginProtection without
	// exceptions. Requests that say nothing of where they come from are refused in any case.
	CrossOrigin *http.CrossOriginProtection

	// Location is the time zone of the pages, and of the times that are typed into them. Nil: time.Local,
	// which is the log's.
	Location *time.Location

	// Logger is told what goes wrong outside a fault.Catcher's middleware; within one, the Catcher is.
	// Nil: slog.Default().
	Logger *slog.Logger

	// Now tells the time; nil: time.Now.
	Now func() time.Time
}

// Page is one page of the desk, for [Options].Layout.
type Page struct {
	Title string
	// Body is one element of class "desk", made to stand in a <main>. It has the page's only <h1>.
	Body template.HTML
	// Stylesheet is the address of the desk's stylesheet, for a <link> in the <head>. Its rules touch
	// nothing outside Body. Colours can be given as custom properties: --desk-paper, --desk-sheet,
	// --desk-ink, --desk-soft, --desk-line, --desk-edge, --desk-accent, --desk-on-accent, --desk-bad,
	// --desk-bad-back, --desk-good, --desk-good-back.
	Stylesheet string
	Status     int // of the answer
}

// desk is the handler. It does not change after New.
type desk struct {
	book       *incident.Book
	outbox     *outbox.Outbox
	journal    *journal.Journal
	source     *source.Finder
	prefix     string
	home       string // the address of the list: prefix, or "/"
	baseURL    string
	mask       func(string) string
	allow      func(*http.Request) error
	by         func(*http.Request) string
	layout     func(http.ResponseWriter, *http.Request, Page) error
	cross      *http.CrossOriginProtection
	location   *time.Location
	now        func() time.Time
	catcher    *fault.Catcher // for requests that come through none
	templates  *template.Template
	stylesheet stylesheet
}

// New returns the desk. The error says what is missing or impossible in o.
//
// The handler is safe for concurrent use. There is nothing to close.
func New(o Options) (http.Handler, error) {
	if o.Book == nil {
		return nil, errors.New("desk: Options.Book is missing")
	}
	if p := o.Prefix; p != "" && (p[0] != '/' || path.Clean(p) != p || p == "/") || strings.ContainsAny(p, "?#%{}") {
		return nil, fmt.Errorf("desk: Options.Prefix %q is not a plain path that begins with a slash and does not end with one", p)
	}
	d := &desk{
		book: o.Book, outbox: o.Outbox, journal: o.Journal, source: o.Source, mask: o.Mask, baseURL: o.BaseURL,
		prefix: (&url.URL{Path: o.Prefix}).EscapedPath(),
		allow:  o.Allow, by: o.By, layout: o.Layout, cross: o.CrossOrigin,
		location: o.Location, now: o.Now,
	}
	if d.home = d.prefix; d.home == "" {
		d.home = "/"
	}
	if d.mask == nil {
		d.mask = func(s string) string { return s }
	}
	if d.allow == nil {
		d.allow = nobody
	}
	if d.by == nil {
		d.by = func(*http.Request) string { return "" }
	}
	if d.layout == nil {
		d.layout = d.plainLayout
	}
	if d.cross == nil {
		d.cross = http.NewCrossOriginProtection()
	}
	if d.location == nil {
		d.location = time.Local
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.catcher = fault.New(fault.Options{Logger: o.Logger})
	var err error
	if d.stylesheet, err = readStylesheet(); err != nil {
		return nil, err
	}
	if d.templates, err = parseTemplates(); err != nil {
		return nil, err
	}
	return d, nil
}

func nobody(*http.Request) error {
	return fault.Forbidden("Nobody can see the incidents here, because this application does not say who may.")
}

// ServeHTTP answers a request. What fails goes to the request's Catcher.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := fault.FromContext(r.Context())
	if c == nil {
		c = d.catcher
	}
	c.Handle(d.serve).ServeHTTP(w, r)
}

// action answers one kind of request for one address.
type action func(d *desk, w http.ResponseWriter, r *http.Request, id string) error

func (d *desk) serve(w http.ResponseWriter, r *http.Request) error {
	if err := d.allow(r); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store") // It is nobody else's business, also after logging out.
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // Not no-referrer: that makes the Origin of our own forms "null".
	below, ok := strings.CutPrefix(r.URL.EscapedPath(), d.prefix)
	if !ok || below != "" && below[0] != '/' {
		return d.problem(w, r, fault.NotFound("There is no page of the desk at this address."))
	}
	read, change, id := d.route(strings.TrimPrefix(below, "/"))
	reading := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case read == nil && change == nil:
		return d.problem(w, r, fault.NotFound("There is no page of the desk at this address."))
	case reading && read != nil:
		return d.answered(w, r, read(d, w, r, id))
	case r.Method == http.MethodPost && change != nil:
		if err := d.sameSite(r); err != nil {
			return d.problem(w, r, err)
		}
		return d.answered(w, r, change(d, w, r, id))
	case read != nil:
		return d.problem(w, r, fault.MethodNotAllowed(http.MethodGet, http.MethodHead))
	default:
		return d.problem(w, r, fault.MethodNotAllowed(http.MethodPost))
	}
}

// route finds what answers at an address below the prefix.
func (d *desk) route(below string) (read, change action, id string) {
	id, verb, deeper := strings.Cut(below, "/")
	switch {
	case below == "":
		return (*desk).list, nil, ""
	case below == "status":
		return (*desk).status, nil, ""
	case below == d.stylesheet.name:
		return (*desk).serveStylesheet, nil, ""
	case !deeper:
		return (*desk).show, nil, id
	}
	switch verb {
	case "resolve":
		return nil, (*desk).resolve, id
	case "mute":
		return nil, (*desk).mute, id
	case "reopen":
		return nil, (*desk).reopen, id
	}
	return nil, nil, ""
}

// sameSite returns nil for a request that may change something, else why it may not.
func (d *desk) sameSite(r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return fault.Forbidden("This request would change something but does not say which site it comes from, " +
			"so nothing was done. Browsers say it by themselves; another program has to send the header Origin.")
	}
	if err := d.cross.Check(r); err != nil {
		return fault.Forbidden("This request was sent from another site, so nothing was done. " +
			"Open the page here and try again.").Because(err)
	}
	return nil
}
