package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The cookies, without the prefix that an https site gives them.
const (
	sessionCookie = "session" // the session's token
	noticeCookie  = "notice"  // what the next page tells once; signed
	deviceCookie  = "device"  // marks a browser that somebody has signed in with; signed
)

// hostPrefix makes browsers take a cookie only from this very host, over https (RFC 6265bis, 4.1.3.2).
const hostPrefix = "__Host-"

const (
	noticeLifetime = time.Minute
	deviceLifetime = 365 * 24 * time.Hour
	maxNoticeText  = 1024 // bytes
	signatureBytes = 16
)

// cookieJar reads and writes the cookies. Notices are kept in a signed cookie and not in the session,
// so that telling a stranger something stores nothing, and telling a member something writes nothing.
type cookieJar struct {
	session, notice, device string // names
	secure                  bool   // always; else only where the request came by https
	noticeKey, deviceKey    []byte
}

func newCookieJar(secret []byte, https bool) (cookieJar, error) {
	prefix := ""
	if https {
		prefix = hostPrefix
	}
	j := cookieJar{session: prefix + sessionCookie, notice: prefix + noticeCookie, device: prefix + deviceCookie, secure: https}
	var err error
	if j.noticeKey, err = deriveKey(secret, "notice cookie"); err != nil {
		return cookieJar{}, err
	}
	j.deviceKey, err = deriveKey(secret, "device cookie")
	return j, err
}

// isOwnCookie reports whether a cookie of this name is one of ours.
func isOwnCookie(name string) bool {
	switch strings.TrimPrefix(name, hostPrefix) {
	case sessionCookie, noticeCookie, deviceCookie:
		return true
	}
	return false
}

func (j cookieJar) set(w http.ResponseWriter, https bool, name, value string, keep time.Duration) {
	c := http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: j.secure || https}
	switch {
	case keep < 0:
		c.MaxAge = -1
	case keep > 0:
		c.MaxAge = int(keep / time.Second)
	}
	http.SetCookie(w, &c)
}

// sessionToken returns the token in the session's cookie, or "" where there is none or what there is
// cannot be one.
func (j cookieJar) sessionToken(r *http.Request) string {
	if len(r.Header["Cookie"]) == 0 {
		return ""
	}
	c, err := r.Cookie(j.session)
	if err != nil || len(c.Value) != tokenLength || !isBase64URL(c.Value) {
		return ""
	}
	return c.Value
}

func (j cookieJar) hasSession(r *http.Request) bool {
	_, err := r.Cookie(j.session)
	return err == nil
}

// setSession gives the browser a session's token, for as long as it is open where keep is 0.
func (j cookieJar) setSession(w http.ResponseWriter, https bool, token string, keep time.Duration) {
	j.set(w, https, j.session, token, keep)
}

func (j cookieJar) dropSession(w http.ResponseWriter, https bool) {
	j.set(w, https, j.session, "", -1)
}

// setNotice leaves n for the next page that is shown.
func (j cookieJar) setNotice(w http.ResponseWriter, https bool, n Notice, now time.Time) {
	if len(n.Text) > maxNoticeText {
		return
	}
	payload := binary.BigEndian.AppendUint64(nil, uint64(now.Add(noticeLifetime).Unix()))
	payload = append(payload, n.Kind...)
	payload = append(payload, 0)
	payload = append(payload, n.Text...)
	j.set(w, https, j.notice, sign(j.noticeKey, payload), noticeLifetime)
}

// takeNotice returns what setNotice left, and takes it away.
func (j cookieJar) takeNotice(w http.ResponseWriter, r *http.Request, https bool, now time.Time) []Notice {
	if len(r.Header["Cookie"]) == 0 {
		return nil
	}
	c, err := r.Cookie(j.notice)
	if err != nil {
		return nil
	}
	j.set(w, https, j.notice, "", -1)
	payload, ok := verify(j.noticeKey, c.Value)
	if !ok || len(payload) < 8 || now.Unix() > int64(binary.BigEndian.Uint64(payload)) {
		return nil
	}
	kind, text, ok := strings.Cut(string(payload[8:]), "\x00")
	if !ok || !utf8.ValidString(text) {
		return nil
	}
	return []Notice{{Kind: kind, Text: text}}
}

// markDevice notes in the browser that userID has signed in with it. Failed log-ins to this account
// from a marked browser count apart, so that somebody else behind the same address, who keeps
// guessing, does not shut the owner out.
func (j cookieJar) markDevice(w http.ResponseWriter, r *http.Request, https bool, userID int64) {
	mark := j.deviceMark(r, userID)
	if mark == "" {
		mark = rand.Text()
	}
	payload := strconv.FormatInt(userID, 10) + " " + mark
	j.set(w, https, j.device, sign(j.deviceKey, []byte(payload)), deviceLifetime)
}

// deviceMark returns the mark of a browser that userID has signed in with, else "".
func (j cookieJar) deviceMark(r *http.Request, userID int64) string {
	c, err := r.Cookie(j.device)
	if err != nil {
		return ""
	}
	payload, ok := verify(j.deviceKey, c.Value)
	if !ok {
		return ""
	}
	id, mark, ok := strings.Cut(string(payload), " ")
	if !ok || id != strconv.FormatInt(userID, 10) {
		return ""
	}
	return mark
}

// cookieEncoding has the letters that a cookie may have, and one form for each value.
var cookieEncoding = base64.RawURLEncoding.Strict()

// sign returns payload with its signature before it, as the value of a cookie.
func sign(key, payload []byte) string {
	return cookieEncoding.EncodeToString(append(signature(key, payload), payload...))
}

// verify returns the payload of what sign made.
func verify(key []byte, signed string) (payload []byte, ok bool) {
	raw, err := cookieEncoding.DecodeString(signed)
	if err != nil || len(raw) < signatureBytes {
		return nil, false
	}
	payload = raw[signatureBytes:]
	return payload, hmac.Equal(raw[:signatureBytes], signature(key, payload))
}

func signature(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return mac.Sum(nil)[:signatureBytes]
}

func isBase64URL(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
