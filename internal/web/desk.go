package web

import (
	"html/template"
	"net/http"

	"example.org/microblog/fault"
)

// DeskPath is where Options.Desk is mounted.
const DeskPath = "/admin/incidents"

// administrators is for what only administrators may reach. Strangers are sent to the log-in page, as
// everywhere; to everybody else there is nothing at the address.
func (s *Server) administrators(next http.Handler) http.Handler {
	return s.members(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := AdministratorsOnly(r); err != nil {
			s.catcher.Answer(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// AdministratorsOnly returns nil for a request of an administrator, else the answer for everybody
// else: there is nothing here. It makes no query. It is meant for the Allow of a desk.
func AdministratorsOnly(r *http.Request) error {
	if v := CurrentViewer(r); v == nil || !v.Admin {
		return fault.NotFound("")
	}
	return nil
}

// Frame is a page of another part of the site, to be shown within this one's layout.
type Frame struct {
	Title string
	Body  template.HTML
	// Stylesheet is the address of the stylesheet that Body needs. The layout's names for its colours
	// are there as custom properties: --desk-paper and so on; see app.css.
	Stylesheet string
	Status     int // of the answer; 0 means 200
}

// Frame answers with a page in the site's layout. It is meant for the Layout of a desk. A header that
// is set stays; without a Cache-Control no shared cache keeps the page.
func (s *Server) Frame(w http.ResponseWriter, r *http.Request, f Frame) error {
	page := &FramePage{Layout: s.layout(w, r, f.Title), Body: f.Body}
	page.Stylesheet = f.Stylesheet
	if f.Status == 0 {
		f.Status = http.StatusOK
	}
	return s.render(w, f.Status, page)
}
