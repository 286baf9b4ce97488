package reproduce

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
)

// ReplayOptions are where to and with what a request is sent again.
type ReplayOptions struct {
	// Target is where the application is reached: "http://127.0.0.1:5000".
	Target string
	// Client sends it; nil is one without a proxy. Redirects are never followed, and no cookies are kept.
	Client *http.Client
	// Cookies take the place of masked ones of their names, such as those that the developer's browser has.
	Cookies []*http.Cookie
	// Body takes the place of one that was not kept; nil is none.
	Body []byte
}

// MaxBody is how much of an answer's body is kept, in bytes.
const MaxBody = 1 << 20

// Result is the answer to a request that was sent again.
type Result struct {
	Status int           `json:"status"`
	Header http.Header   `json:"header"`
	Body   []byte        `json:"body"`
	Cut    bool          `json:"cut,omitempty"` // the body was longer than MaxBody, or broke off
	Took   time.Duration `json:"took"`          // nanoseconds, until the end of the body
	// Notes tell in what it was not the same request, in sentences.
	Notes []string `json:"notes,omitempty"`
	// Changed names what of the request was masked or not kept, so that it was sent otherwise or not at all: "the cookie session". Such a
	// request may be refused before it gets to where the other one failed.
	Changed []string `json:"changed,omitempty"`
	// Broke says that the answer broke off before its end.
	Broke bool `json:"broke,omitempty"`
}

// Replay sends the request of a failure again and returns the answer, whatever its status. It returns ErrNoRequest if too
// little is known, and the client's error if there was no answer. It changes what the request changes.
func Replay(ctx context.Context, f *fault.Failure, o ReplayOptions) (*Result, error) {
	q := request(f)
	if q == nil {
		return nil, ErrNoRequest
	}
	p := replay{q: q}
	r, err := p.build(ctx, o)
	if err != nil {
		return nil, err
	}
	// This machine's own application is reached without a proxy, and bodies stay as they are.
	direct := &http.Transport{DisableCompression: true}
	defer direct.CloseIdleConnections()
	client := http.Client{Transport: direct}
	if o.Client != nil {
		client = *o.Client
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	start := time.Now()
	res, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("sending the request again: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxBody+1))
	result := &Result{Status: res.StatusCode, Header: res.Header, Body: body, Took: time.Since(start), Notes: p.notes, Changed: p.changed}
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		result.Cut, result.Broke = true, true
		result.Notes = append(result.Notes, "The answer broke off: the connection was aborted.")
	}
	if len(body) > MaxBody {
		result.Body, result.Cut = body[:MaxBody], true
	}
	return result, nil
}

type replay struct {
	q       *fault.Request
	notes   []string
	changed []string
}

func (p *replay) differs(what ...string) { p.changed = append(p.changed, what...) }

func (p *replay) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

func (p *replay) build(ctx context.Context, o ReplayOptions) (*http.Request, error) {
	base, err := url.Parse(o.Target)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%q is not where an application is reached", o.Target)
	}
	body, contentType := p.body(o.Body)
	method := p.q.Method
	if method == "" {
		method = http.MethodGet
	}
	if !isToken(method) {
		return nil, fmt.Errorf("the method %q cannot be sent", method)
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, base.Scheme+"://"+base.Host, reader)
	if err != nil {
		return nil, fmt.Errorf("making the request again: %w", err)
	}
	p.url(r.URL)
	if host := p.q.Host; host != "" && isValue(host) && !strings.ContainsAny(host, " /\\") {
		r.Host = host
	}
	p.header(r.Header, o.Cookies)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if isUnsafe(method) && r.Header.Get("Sec-Fetch-Site") == "" {
		// What an unsafe method needs to pass a protection against requests from other sites.
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "") // None, in place of the client's own.
	}
	if p.q.Cut {
		p.differs("what was cut off")
		p.note("The request was cut when it was recorded; it had more, or longer values.")
	}
	return r, nil
}

// url sets what is asked for, as it stood in the request.
func (p *replay) url(u *url.URL) {
	asked := p.q.URL
	if masked(asked) {
		p.differs("the address")
		p.note("Parts of the address were masked, and are sent as %s.", redact.Mask)
	}
	asked = target(asked)
	switch parsed, err := url.ParseRequestURI(asked); {
	case asked == "*":
		u.Opaque = "*"
	case err == nil && (parsed.Path != "" || parsed.RawQuery != ""):
		u.Path, u.RawPath, u.RawQuery, u.ForceQuery = parsed.Path, parsed.RawPath, parsed.RawQuery, parsed.ForceQuery
	default:
		u.Path = "/"
		p.differs("the address")
		p.note("The address %q cannot be sent; / was asked for instead.", p.q.URL)
	}
}

// header copies the headers, with cookies in place of masked ones.
func (p *replay) header(h http.Header, cookies []*http.Cookie) {
	var still []string // what stays masked
	for _, name := range slices.Sorted(maps.Keys(p.q.Header)) {
		canonical := http.CanonicalHeaderKey(name)
		if ofConnection[canonical] || canonical == "Accept-Encoding" {
			continue
		}
		for _, value := range p.q.Header[name] {
			if !isToken(name) || !isValue(value) {
				p.differs("the header " + name)
				p.note("The header %q cannot be sent as it was recorded, and was left out.", name)
				continue
			}
			if canonical == "Cookie" {
				value = unmask(value, cookies, &still)
				if value == "" {
					continue
				}
			} else if masked(value) {
				// Something that is certainly wrong would only lead elsewhere.
				still = append(still, "the header "+name)
				continue
			}
			h.Add(name, value)
		}
	}
	if len(still) > 0 {
		p.differs(still...)
		p.note("Masked when it was recorded, and left out: %s. The answer may be that to somebody who is not signed in.", strings.Join(still, ", "))
	}
}

// unmask puts the values of cookies in place of masked ones, and leaves those out whose value is not known.
func unmask(header string, cookies []*http.Cookie, still *[]string) string {
	var kept []string
	for pair := range strings.SplitSeq(header, ";") {
		pair = strings.TrimSpace(pair)
		name, _, _ := strings.Cut(pair, "=")
		switch i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return c.Name == name }); {
		case pair == "":
		case !masked(pair):
			kept = append(kept, pair)
		case i >= 0 && isValue(cookies[i].Value) && !strings.Contains(cookies[i].Value, ";"):
			kept = append(kept, name+"="+cookies[i].Value)
		default:
			*still = append(*still, "the cookie "+name)
		}
	}
	return strings.Join(kept, "; ")
}

// body makes the body again, as far as it is known. contentType is "" where the recorded one stays.
func (p *replay) body(instead []byte) (body []byte, contentType string) {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(p.q.Form)) {
		if slices.ContainsFunc(p.q.Form[name], masked) {
			fields = append(fields, "the field "+name)
		}
	}
	if len(fields) > 0 {
		p.differs(fields...)
		p.note("Masked when it was recorded, and sent as %s: %s.", redact.Mask, strings.Join(fields, ", "))
	}
	switch bodyOf(p.q) {
	case formBody:
		if mediaType(p.q) == "" {
			contentType = "application/x-www-form-urlencoded"
		}
		return []byte(p.q.Form.Encode()), contentType
	case multiBody:
		return p.multipart()
	case textBody:
		if instead != nil {
			return instead, ""
		}
		if masked(p.q.Body) {
			p.differs("the body")
			p.note("Parts of the body were masked when it was recorded, and sent as %s.", redact.Mask)
		}
		return []byte(p.q.Body), ""
	case lostBody:
		if instead != nil {
			return instead, ""
		}
		p.differs("the body")
		if p.q.ContentLength > 0 {
			p.note("The request had a body of %d bytes, which was not kept: it was sent without one.", p.q.ContentLength)
		} else {
			p.note("The request had a body of unknown length, which was not kept: it was sent without one.")
		}
	}
	return nil, ""
}

// maxFile bounds what stands for the content of a file, in bytes.
const maxFile = 1 << 20

func (p *replay) multipart() (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(p.q.Form)) {
		for _, value := range p.q.Form[name] {
			_ = w.WriteField(name, value) // A buffer takes everything.
		}
	}
	for _, file := range p.q.Files {
		part, _ := w.CreatePart(fileHeader(file))
		_, _ = part.Write(bytes.Repeat([]byte{'x'}, int(min(max(file.Size, 0), maxFile))))
		p.differs("the content of the file " + file.Name)
		p.note("The content of the file %q was not kept: it was sent with %d times the letter x.", file.Name, min(max(file.Size, 0), maxFile))
	}
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func fileHeader(f fault.File) textproto.MIMEHeader {
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", multipart.FileContentDisposition(f.Field, f.Name))
	h.Set("Content-Type", "application/octet-stream")
	return h
}
