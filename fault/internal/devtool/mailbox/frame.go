package mailbox

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const (
	maxInlined = 8 << 20   // bytes of pictures that are put into the HTML of a mail
	headArea   = 256 << 10 // bytes of a mail's HTML in which its head is looked for
)

var (
	headTag = regexp.MustCompile(`(?i)<head(\s[^<>]*)?>`)
	htmlTag = regexp.MustCompile(`(?i)<html(\s[^<>]*)?>`)
	docType = regexp.MustCompile(`(?i)^[\s\x{feff}]*<!doctype[^<>]*>`)
	cidURL  = regexp.MustCompile(`(?i)\bcid:[^\s"'()<>]{1,300}`)
)

// frameHTML answers with the HTML of a mail, for the frame on its page.
func (s *Server) frameHTML(w http.ResponseWriter, r *http.Request) {
	m, ok := s.mailOf(r.PathValue("id"))
	if !ok || !m.HasHTML {
		s.notFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", mailPolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write([]byte(m.framed()))
}

// framed is the mail's HTML with its own pictures in it, where links open a new tab. What makes it harmless is
// mailPolicy and the sandbox of the frame, not anything that is done here.
func (m *Mail) framed() string {
	text := m.HTML()
	left := maxInlined
	text = cidURL.ReplaceAllStringFunc(text, func(reference string) string {
		id := reference[len("cid:"):]
		if plain, err := url.PathUnescape(id); err == nil {
			id = plain
		}
		data := m.picture(id, left)
		if data == "" {
			return reference
		}
		left -= len(data)
		return data
	})
	return insertBase(text)
}

// picture returns a data URL of the picture with that Content-ID, "" if there is none of at most limit bytes.
func (m *Mail) picture(id string, limit int) (data string) {
	m.root.leaves(func(p *part) {
		if data != "" || p.contentID() != id {
			return
		}
		switch p.mediaType {
		case "image/png", "image/jpeg", "image/gif", "image/webp":
		default:
			return
		}
		if len(p.body) > limit {
			return
		}
		body, _ := p.decoded()
		if base64.StdEncoding.EncodedLen(len(body)) < limit {
			data = "data:" + p.mediaType + ";base64," + base64.StdEncoding.EncodeToString(body)
		}
	})
	return data
}

// insertBase makes links open a new tab, because nothing may be loaded into the frame.
func insertBase(text string) string {
	const base = `<base target="_blank">`
	area := text[:min(len(text), headArea)]
	for _, tag := range []*regexp.Regexp{headTag, htmlTag, docType} {
		if at := tag.FindStringIndex(area); at != nil {
			return text[:at[1]] + base + text[at[1]:]
		}
	}
	return base + text
}

// download answers with one attachment, as a file to store.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	m, ok := s.mailOf(r.PathValue("id"))
	if !ok {
		s.notFound(w, r)
		return
	}
	a, body, ok := m.attachment(r.PathValue("part"))
	if !ok {
		s.notFound(w, r)
		return
	}
	writeFile(w, "application/octet-stream", a.Name, body)
}

// writeFile answers with a file to store. Browsers neither show nor run it, whatever is in it.
func writeFile(w http.ResponseWriter, mediaType, name string, body []byte) {
	h := w.Header()
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", attachmentDisposition(name))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// mailOf returns the mail with that number.
func (s *Server) mailOf(number string) (*Mail, bool) {
	id, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil {
		return nil, false
	}
	return s.store.get(id)
}
