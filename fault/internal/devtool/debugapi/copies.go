package debugapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/visible"
)

const (
	maxCommand  = 64 << 10
	maxReplayed = 1 << 20 // bytes of a body
)

func (s *Server) postReplay(w http.ResponseWriter, r *http.Request, e *entry) error {
	var body struct{}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if s.options.Tools.Replay == nil {
		return unsupported("replay requests")
	}
	shown := s.shown(e)
	ended := shown.Kind == fault.KindCrash || shown.Kind == fault.KindEnded // with its request, if that is known
	if shown.Request == nil || shown.Reported && !ended {
		return &refusal{http.StatusConflict, "unavailable", "This failure was not the answer to a request, or its request is not known, so there is none to send again.", ""}
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	cookies := slices.DeleteFunc(r.Cookies(), func(c *http.Cookie) bool { return strings.HasPrefix(c.Name, cookiePrefix) })
	got, err := s.options.Tools.Replay(ctx, shown, cookies)
	if err != nil {
		return &refusal{http.StatusConflict, "unavailable", sentence("The request could not be sent again: " + err.Error()), ""}
	}
	type before struct {
		Status     int `json:"status"`
		Generation int `json:"generation,omitempty"`
	}
	type after struct {
		Status     int         `json:"status"`
		Generation int         `json:"generation,omitempty"`
		Header     http.Header `json:"header,omitempty"`
		Body       string      `json:"body"`
		Cut        bool        `json:"cut,omitempty"`
		Took       float64     `json:"took_ms"`
		Notes      []string    `json:"notes,omitempty"`
		Changed    []string    `json:"changed,omitempty"`
		Broke      bool        `json:"broke,omitempty"`
	}
	text := got.Body
	if len(text) > maxReplayed {
		text, got.Cut = text[:maxReplayed], true
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"before": before{shown.Status, shown.Generation},
		"after":  after{got.Status, got.Generation, got.Header, strings.ToValidUTF8(string(text), "\uFFFD"), got.Cut, milliseconds(got.Took), got.Notes, got.Changed, got.Broke},
	})
	return nil
}

func unsupported(what string) *refusal {
	return &refusal{http.StatusNotImplemented, "unsupported", "This fault run cannot " + what + ".", ""}
}

// getCopy answers with a failure as a text for somewhere else.
func (s *Server) getCopy(w http.ResponseWriter, r *http.Request, e *entry, form string) error {
	var (
		text string
		err  error
		make func(*overlay.Failure) (string, error)
		kind = "text/plain; charset=utf-8"
	)
	shown := s.shown(e)
	switch form {
	case "text":
		plain := r.Clone(r.Context())
		plain.Header = http.Header{"Accept": {"text/plain"}}
		if app, err := url.Parse(s.options.App); err == nil && app.Host != "" {
			plain.Host = app.Host
		}
		s.options.Pages.Failure(w, plain, shown, shown.Status, true)
		return nil
	case "curl":
		if shown.Request == nil {
			return &refusal{http.StatusConflict, "unavailable", "This failure was not the answer to a request.", ""}
		}
		command, notes := shown.Request.Curl(s.options.App, maxCommand)
		if command == "" {
			return &refusal{http.StatusConflict, "unavailable", "Too little of the request is known to make a command of it.", ""}
		}
		for _, note := range notes {
			text += "# " + visible.Line(note) + "\n"
		}
		text += command
	case "markdown":
		make, kind = s.options.Tools.Markdown, "text/markdown; charset=utf-8"
		if make == nil {
			return unsupported("write failures as Markdown")
		}
	case "test":
		make = s.options.Tools.Test
		if make == nil {
			return unsupported("make tests of requests")
		}
	}
	if make != nil {
		if text, err = make(shown); err != nil {
			return &refusal{http.StatusConflict, "unavailable", sentence(err.Error()), ""}
		}
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write([]byte(text)) // whoever does not get it is gone
	return nil
}
