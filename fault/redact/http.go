package redact

import (
	"net/http"
	"net/url"
	"strings"
)

// Header returns a masked copy. Of an Authorization header the scheme stays, of cookies the names.
func (r *Redactor) Header(h http.Header) http.Header {
	if h == nil {
		return nil
	}
	out := make(http.Header, len(h))
	for name, values := range h {
		key := r.Text(name)
		for _, v := range values {
			out[key] = append(out[key], r.headerValue(name, v))
		}
	}
	return out
}

func (r *Redactor) headerValue(name, v string) string {
	switch {
	case v == "" || !r.IsSecretKey(name):
		return r.Text(v)
	case strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Proxy-Authorization"):
		if scheme, rest, ok := strings.Cut(v, " "); ok && rest != "" && isScheme(scheme) {
			return scheme + " " + Mask
		}
		return Mask
	case strings.EqualFold(name, "Cookie"):
		pairs := strings.Split(v, ";")
		for i, pair := range pairs {
			pairs[i] = r.cookie(pair)
		}
		return strings.Join(pairs, "; ")
	case strings.EqualFold(name, "Set-Cookie"):
		pair, attributes, ok := strings.Cut(v, ";")
		if !ok {
			return r.cookie(pair)
		}
		return r.cookie(pair) + ";" + r.Text(attributes)
	default:
		return Mask
	}
}

// cookie masks the value of name=value, and everything where there is no name.
func (r *Redactor) cookie(pair string) string {
	name, _, ok := strings.Cut(strings.TrimSpace(pair), "=")
	if !ok {
		return Mask
	}
	return r.Text(name) + "=" + Mask
}

// Form returns a masked copy of a form or a query.
func (r *Redactor) Form(v url.Values) url.Values {
	if v == nil {
		return nil
	}
	out := make(url.Values, len(v))
	for name, values := range v {
		key := r.Text(name)
		for _, value := range values {
			if name == "code" && value != "" && v.Has("state") { // of an OAuth redirection
				value = Mask
			}
			out[key] = append(out[key], r.Value(name, value))
		}
	}
	return out
}

// URL returns the address as text, with the password and the secrets of its query masked. A nil URL
// gives "".
func (r *Redactor) URL(u *url.URL) string {
	if u == nil {
		return ""
	}
	c := *u
	c.RawQuery = r.query(c.RawQuery)
	if _, ok := c.User.Password(); !ok {
		return r.Text(c.String())
	}
	user := url.User(c.User.Username()).String()
	c.User = nil
	return r.Text(strings.Replace(c.String(), "//", "//"+user+":"+Mask+"@", 1))
}

// query masks the values under secret names as they stand, so that what is not valid stays visible.
func (r *Redactor) query(raw string) string {
	if !strings.Contains(raw, "=") {
		return raw
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || value == "" {
			continue
		}
		key, err := url.QueryUnescape(name)
		if err != nil {
			key = name
		}
		if r.IsSecretKey(key) {
			pairs[i] = name + "=" + Mask
		}
	}
	return strings.Join(pairs, "&")
}
