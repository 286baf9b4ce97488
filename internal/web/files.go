package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"example.org/microblog/fault"
)

var (
	headerSVG  = []string{"image/svg+xml"}
	headerWeek = []string{"public, max-age=604800"} // a picture changes only with a new version of the program
)

// avatar is GET /avatar/{file}, the picture of the person with that id: /avatar/7.svg. There is one
// for each id, whether or not somebody has it, so that it needs no query.
func avatar(w http.ResponseWriter, r *http.Request) error {
	name, isSVG := strings.CutSuffix(r.PathValue("file"), ".svg")
	id, ok := readID(name)
	if !ok || !isSVG {
		return fault.NotFound("There is no such picture.")
	}
	picture := Avatar(id)
	sum := sha256.Sum256(picture)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
	h := w.Header()
	h["Etag"] = []string{tag}
	h["Cache-Control"] = headerWeek
	if matchesTag(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h["Content-Type"] = headerSVG
	h["Content-Length"] = []string{strconv.Itoa(len(picture))}
	_, _ = w.Write(picture)
	return nil
}

// matchesTag reports whether If-None-Match (RFC 9110, 13.1.2) names tag or any.
func matchesTag(lines []string, tag string) bool {
	for _, line := range lines {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}

// robots is GET /robots.txt: what people wrote may be found, forms and questions need not.
func robots(w http.ResponseWriter, _ *http.Request) error {
	w.Header()["Cache-Control"] = []string{"public, max-age=86400"}
	return text(w, `User-agent: *
Disallow: /login
Disallow: /logout
Disallow: /register
Disallow: /edit_profile
Disallow: /account
Disallow: /follow/
Disallow: /unfollow/
Disallow: /post/*/delete
`)
}
