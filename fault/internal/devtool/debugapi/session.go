package debugapi

import (
	"fmt"
	"math"
	"net/http"
	"strconv"

	"example.org/microblog/fault/internal/visible"
)

func (s *Server) postSession(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		PIN *string `json:"pin"`
	}
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	if body.PIN == nil {
		return badRequest(`The member "pin" is missing`)
	}
	c := s.clientOf(r)
	a := s.pin.try(c, *body.PIN)
	switch {
	case a.wait > 0:
		seconds := int(math.Ceil(a.wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		return &refusal{http.StatusTooManyRequests, "locked", "There were too many wrong PINs from here.",
			fmt.Sprintf("Press d in the terminal of fault run, or wait %s.", waitText(seconds))}
	case !a.ok:
		if a.locked {
			s.say("debugger: ten wrong PINs from %s; it has to wait. If that was you, press d.", visible.Line(c.address))
		}
		writeRefusal(w, &refusal{http.StatusForbidden, "pin", "That is not the PIN.", "fault run has printed it, and shows it again when d is pressed there."}, map[string]any{"left": a.left})
		return nil
	}
	if a.cookie != "" {
		http.SetCookie(w, &http.Cookie{Name: s.cookieName(), Value: a.cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	}
	writeJSON(w, http.StatusOK, map[string]any{"token": a.token})
	return nil
}

func waitText(seconds int) string {
	if seconds < 120 {
		return fmt.Sprintf("%d seconds", seconds)
	}
	return fmt.Sprintf("%d minutes", (seconds+59)/60)
}
