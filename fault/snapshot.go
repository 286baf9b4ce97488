package fault

import (
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault/redact"
)

// Request is what was asked for, as it was when it failed. Secrets are masked; what is longer or
// more than there is room for is cut, and Cut tells so.
type Request struct {
	Method        string      `json:"method"`
	Route         string      `json:"route,omitempty"` // the pattern that matched: "GET /user/{username}"
	URL           string      `json:"url"`             // as it was asked for
	Proto         string      `json:"proto,omitempty"`
	Host          string      `json:"host,omitempty"`
	RemoteAddr    string      `json:"remote_addr,omitempty"`
	ContentLength int64       `json:"content_length,omitempty"` // bytes; -1 if unknown
	Header        http.Header `json:"header,omitempty"`
	Form          url.Values  `json:"form,omitempty"`  // of the body, if the handler has parsed it
	Files         []File      `json:"files,omitempty"` // of the body, likewise
	Body          string      `json:"body,omitempty"`  // of another kind: whole, if it is a text; under `fault run` only
	Cut           bool        `json:"cut,omitempty"`
}

// File is an uploaded file, without its content.
type File struct {
	Field string `json:"field"`
	Name  string `json:"name"`
	Size  int64  `json:"size"` // bytes
}

// Response is what the handler, and the middlewares around it, had done to answer the request when it failed: before the
// error page took its place, and without what the server adds. It is masked and cut as a Request is.
type Response struct {
	Status   int         `json:"status,omitempty"` // as it was set, or 200 if the body had begun without; 0: not yet
	Header   http.Header `json:"header,omitempty"`
	Bytes    int64       `json:"bytes,omitempty"`    // of the body, as far as it was written
	Hijacked bool        `json:"hijacked,omitempty"` // the handler had taken the connection over
	Cut      bool        `json:"cut,omitempty"`
}

// Summary tells in a few words how far the response had come: "200 OK, 4096 bytes of body".
func (r *Response) Summary() string {
	switch {
	case r.Hijacked:
		return "the handler had taken the connection over"
	case r.Status == 0:
		return "no status yet, nothing of the body"
	}
	said := strings.TrimSpace(strconv.Itoa(r.Status) + " " + http.StatusText(r.Status))
	switch r.Bytes {
	case 0:
		return said + ", nothing of the body"
	case 1:
		return said + ", 1 byte of body"
	}
	return said + ", " + strconv.FormatInt(r.Bytes, 10) + " bytes of body"
}

// How much of a request is kept.
const (
	maxValue  = 1024 // bytes of a header, a field, a name
	maxURL    = 2048 // bytes
	maxFields = 64   // headers, fields, files
	maxValues = 16   // of one header or field
)

// snapshot copies what is to be kept of a request. It reads nothing: a body that the handler has not
// parsed stays unread. Without known secrets it leaves out what may hold them.
func (c *Catcher) snapshot(r *http.Request, route string, red *redact.Redactor, known bool) *Request {
	q := &Request{
		Method:        c.clean(red, r.Method, maxValue),
		Route:         c.clean(red, route, maxValue),
		Proto:         c.clean(red, r.Proto, maxValue),
		Host:          c.clean(red, r.Host, maxValue),
		RemoteAddr:    c.clean(red, r.RemoteAddr, maxValue),
		ContentLength: r.ContentLength,
	}
	if !known {
		q.URL, q.Cut = c.clean(red, r.URL.EscapedPath(), maxURL), true
		return q
	}
	q.URL = c.clean(red, red.URL(r.URL), maxURL)
	q.Cut = len(r.URL.String()) > maxURL
	q.Header = http.Header(c.fields(red, red.Header, r.Header, &q.Cut))
	form := r.PostForm
	if form == nil && r.MultipartForm != nil {
		form = r.MultipartForm.Value
	}
	q.Form = c.fields(red, func(h http.Header) http.Header { return http.Header(red.Form(url.Values(h))) }, form, &q.Cut)
	if r.MultipartForm != nil {
		q.Files = c.files(red, r.MultipartForm, &q.Cut)
	}
	return q
}

// soFar copies what is to be kept of a response. Without known secrets it leaves out the headers.
func (c *Catcher) soFar(p progress, red *redact.Redactor, known bool) *Response {
	// Of the application's own middleware, perhaps.
	header := guarded(p.res.ResponseWriter.Header)
	if p.status == 0 && p.bytes == 0 && !p.hijacked && len(header) == 0 {
		return nil
	}
	r := &Response{Status: p.status, Bytes: p.bytes, Hijacked: p.hijacked}
	if !known {
		r.Cut = len(header) > 0
	} else {
		r.Header = http.Header(c.fields(red, red.Header, header, &r.Cut))
	}
	if r.Status == 0 && r.Bytes == 0 && !r.Hijacked && len(r.Header) == 0 && !r.Cut {
		return nil // Names without values.
	}
	return r
}

// fields returns the first fields by name, masked and cut.
func (c *Catcher) fields(red *redact.Redactor, mask func(http.Header) http.Header, all map[string][]string, cut *bool) map[string][]string {
	if len(all) == 0 {
		return nil
	}
	some := make(http.Header, min(len(all), maxFields))
	for _, name := range first(all, maxFields) {
		values := all[name]
		*cut = *cut || len(values) > maxValues || len(name) > maxValue
		values = slices.Clone(values[:min(len(values), maxValues)])
		for i, v := range values {
			if len(v) > maxValue {
				*cut = true
				values[i] = c.clean(red, v, maxValue)
			}
		}
		some[c.clean(red, name, maxValue)] = values
	}
	*cut = *cut || len(all) > maxFields
	masked := mask(some)
	if len(masked) == 0 {
		return nil // Names without values.
	}
	for _, values := range masked {
		for i, v := range values {
			values[i] = strings.ToValidUTF8(v, "\uFFFD")
		}
	}
	return masked
}

func first[V any](m map[string]V, n int) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[:min(len(names), n)]
}

func (c *Catcher) files(red *redact.Redactor, form *multipart.Form, cut *bool) []File {
	var files []File
	for _, field := range first(form.File, maxFields) {
		for _, h := range form.File[field] {
			if len(files) == maxFields {
				*cut = true
				return files
			}
			files = append(files, File{c.clean(red, field, maxValue), c.clean(red, h.Filename, maxValue), h.Size})
		}
	}
	return files
}
