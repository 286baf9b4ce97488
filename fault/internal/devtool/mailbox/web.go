package mailbox

import (
	"embed"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/visible"
)

//go:embed static templates
var files embed.FS

// What pages and parts of mails may do in a browser.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
		"frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	// The HTML of a mail: nothing runs, nothing is loaded from anywhere, and it has an origin of its own. A link
	// opens a new tab, which is no part of the sandbox; otherwise the site behind it would not work.
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; " +
		"frame-ancestors 'self'; base-uri 'none'; sandbox " + frameSandbox
	filePolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

	frameSandbox = "allow-popups allow-popups-to-escape-sandbox"
)

// handler is the page and the API.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.pageList)
	mux.HandleFunc("GET /mails/{id}", s.pageMail)
	mux.HandleFunc("GET /mails/{id}/html", s.frameHTML)
	mux.HandleFunc("GET /mails/{id}/parts/{part}", s.download)
	mux.HandleFunc("POST /mails/{id}/delete", s.postDelete)
	mux.HandleFunc("POST /mails/delete", s.postDeleteAll)
	mux.HandleFunc("POST /faults", s.postFaults)
	mux.HandleFunc("GET /static/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, files, "static/"+r.PathValue("name"))
	})

	mux.HandleFunc("GET /api", s.apiHelp)
	mux.HandleFunc("GET /api/mails", s.apiMails)
	mux.HandleFunc("DELETE /api/mails", s.apiDeleteAll)
	mux.HandleFunc("GET /api/mails/{id}", s.apiMail)
	mux.HandleFunc("DELETE /api/mails/{id}", s.apiDelete)
	mux.HandleFunc("GET /api/mails/{id}/parts/{part}", s.download)
	mux.HandleFunc("GET /api/faults", s.apiFaults)
	mux.HandleFunc("POST /api/faults", s.apiSetFaults)
	mux.HandleFunc("GET /api/state", s.apiState)

	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusForbidden, "This request was sent from another site, so nothing was done.")
	}))
	return s.guarded(guard.Handler(mux))
}

// guarded lets requests pass that are meant for this server, and counts them so that Close can wait for them.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done, ok := s.begin()
		if !ok {
			panic(http.ErrAbortHandler)
		}
		defer done()
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-DNS-Prefetch-Control", "off")
		h.Set("Cache-Control", "no-store")
		if !s.knownHost(r.Host) {
			// A name that a stranger's DNS points to this machine would make this server part of the stranger's site.
			s.refuse(w, r, http.StatusMisdirectedRequest,
				fmt.Sprintf("This server does not go by the name %q. Open %s, or start it with --allow-host NAME.", visible.Line(shorten(r.Host, 200)), s.URL()))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// knownHost reports whether the server may be called by the Host header's name: one of the loopback interface, a
// given one, or where it is exposed any address, since only names can be made to point elsewhere.
func (s *Server) knownHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if address.IsLoopback(host) {
		return true
	}
	if slices.ContainsFunc(s.options.Hosts, func(known string) bool { return strings.EqualFold(known, host) }) {
		return true
	}
	if !s.options.Exposed {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// refuse answers with an error, as JSON to those who use the API.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeJSON(w, status, map[string]string{"error": text})
		return
	}
	http.Error(w, text, status)
}

// notFound answers that a mail or a part of one is not there.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, "There is no such mail, or it has been deleted or had to make room for newer ones.")
}
