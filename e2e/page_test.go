package e2e

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// doc returns the page, parsed.
func (r *reply) doc() *html.Node {
	r.t.Helper()
	if r.root == nil {
		if r.err != nil {
			r.t.Fatalf("%s: the answer was cut off: %v", r.what, r.err)
		}
		if ct := r.header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
			r.t.Fatalf("%s: status %d with Content-Type %q is no page: %s", r.what, r.status, ct, tail(r.body))
		}
		if !utf8.ValidString(r.body) {
			r.t.Fatalf("%s: the page is not valid UTF-8", r.what)
		}
		root, err := html.Parse(strings.NewReader(r.body))
		if err != nil {
			r.t.Fatalf("%s: %v", r.what, err)
		}
		r.root = root
	}
	return r.root
}

// elements yields the elements of that name, or all where it is "".
func elements(n *html.Node, name string) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		for d := range n.Descendants() {
			if d.Type == html.ElementNode && (name == "" || d.Data == name) && !yield(d) {
				return
			}
		}
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what is written in n, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// byID returns the element with that id, or nil.
func (r *reply) byID(id string) *html.Node {
	r.t.Helper()
	for n := range elements(r.doc(), "") {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// text is what the page says, from the header to the footer.
func (r *reply) text() string {
	r.t.Helper()
	for n := range elements(r.doc(), "body") {
		return text(n)
	}
	return ""
}

// fieldError is what the page says beside a field; "" when nothing. The field must refer to it.
func (r *reply) fieldError(field string) string {
	r.t.Helper()
	n := r.byID(field + "-error")
	if n == nil {
		return ""
	}
	input := r.control(field)
	if attr(input, "aria-invalid") != "true" || !slices.Contains(strings.Fields(attr(input, "aria-describedby")), field+"-error") {
		r.t.Errorf("%s: the field %s is not marked as wrong for screen readers", r.what, field)
	}
	return text(n)
}

// control returns the input or textarea of that name.
func (r *reply) control(name string) *html.Node {
	r.t.Helper()
	for n := range elements(r.doc(), "") {
		if (n.Data == "input" || n.Data == "textarea") && attr(n, "name") == name {
			return n
		}
	}
	r.t.Fatalf("%s: there is no field %s on the page: %s", r.what, name, tail(r.body))
	return nil
}

// value is what stands in a field.
func (r *reply) value(name string) string {
	r.t.Helper()
	n := r.control(name)
	if n.Data == "input" {
		return attr(n, "value")
	}
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// inLayout fails the test unless the reply is a page in the application's own frame.
func (r *reply) inLayout() *reply {
	r.t.Helper()
	r.doc()
	if r.byID("main") == nil || !strings.Contains(r.body, `class="brand"`) || !strings.Contains(r.body, "/static/") {
		r.t.Errorf("%s: the page is not in the layout: %s", r.what, tail(r.body))
	}
	return r
}

// harmless reports markup in a page that can only come from what somebody typed: the pages
// themselves have no inline script or style, no handler and no address with a scheme of its own.
func harmless(t testing.TB, what string, root *html.Node) {
	t.Helper()
	for n := range elements(root, "") {
		switch n.Data {
		case "script":
			if src := attr(n, "src"); !strings.HasPrefix(src, "/static/") || text(n) != "" {
				t.Errorf("%s: a script that is not ours: %q %q", what, src, text(n))
			}
		case "iframe", "object", "embed", "base", "style", "svg", "math", "link":
			if n.Data != "link" || !strings.HasPrefix(attr(n, "href"), "/static/") && attr(n, "rel") != "canonical" {
				t.Errorf("%s: an element that is not ours: <%s>", what, n.Data)
			}
		case "form":
			if !strings.HasPrefix(attr(n, "action"), "/") || strings.HasPrefix(attr(n, "action"), "//") {
				t.Errorf("%s: a form that leads elsewhere: %q", what, attr(n, "action"))
			}
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
				t.Errorf("%s: <%s> has the attribute %s=%q", what, n.Data, a.Key, a.Val)
			}
			if (a.Key == "href" || a.Key == "src") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				t.Errorf("%s: <%s> leads to %q", what, n.Data, a.Val)
			}
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
