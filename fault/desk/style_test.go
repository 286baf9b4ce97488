package desk

import (
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.org/microblog/fault/incident"
)

func css(t *testing.T) string {
	t.Helper()
	b, err := files.ReadFile("static/desk.css")
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(b), "")
}

// TestStyleStaysWithin: the rules touch nothing outside the desk, ask for nothing from elsewhere, and
// each is for a class that a template uses, and the other way round.
func TestStyleStaysWithin(t *testing.T) {
	t.Parallel()
	style := css(t)
	for _, never := range []string{"url(", "@import", "http:", "https:", "//", "expression"} {
		if strings.Contains(style, never) {
			t.Errorf("the stylesheet contains %s", never)
		}
	}
	if len(style) > 20<<10 {
		t.Errorf("the stylesheet has %d bytes", len(style))
	}
	ruled := map[string]bool{}
	for _, rule := range regexp.MustCompile(`(?s)([^{}]+)\{`).FindAllStringSubmatch(style, -1) {
		selectors := strings.TrimSpace(rule[1])
		if strings.HasPrefix(selectors, "@") {
			continue
		}
		for _, selector := range strings.Split(selectors, ",") {
			if selector = strings.TrimSpace(selector); !strings.HasPrefix(selector, ".desk") {
				t.Errorf("the rule for %q is not within the desk", selector)
			}
			for _, class := range regexp.MustCompile(`\.([a-z-]+)`).FindAllStringSubmatch(selector, -1) {
				ruled[class[1]] = true
			}
		}
	}
	used := map[string]bool{}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d templates, %v", len(names), err)
	}
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		markup := strings.ReplaceAll(string(b), "desk-is-{{.}}", "desk-is-"+strings.Join([]string{"new", "ongoing", "resolved", "regressed"}, " desk-is-"))
		markup = regexp.MustCompile(`\{\{.*?\}\}`).ReplaceAllString(markup, "")
		for _, class := range regexp.MustCompile(`class="([^"]*)"`).FindAllStringSubmatch(markup, -1) {
			for _, name := range strings.Fields(class[1]) {
				used[name] = true
			}
		}
		for _, never := range []string{"style=", "<style", "<script", " onclick", "javascript:", "http:", "https:"} {
			if strings.Contains(string(b), never) {
				t.Errorf("%s contains %s", name, never)
			}
		}
	}
	for name := range ruled {
		if !used[name] {
			t.Errorf("there is a rule for .%s, which no template uses", name)
		}
	}
	for name := range used {
		if !ruled[name] && name != "desk-second" {
			t.Errorf("the class %s has no rule", name)
		}
	}
}

// TestContrast holds the desk's own colours against WCAG 2.2, level AA.
func TestContrast(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile(`(?s)\.desk \{(.*?)\n\s*\}`).FindAllStringSubmatch(css(t), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of colours, want one for light and one for dark", len(blocks))
	}
	for i, scheme := range []string{"light", "dark"} {
		colours := map[string]string{}
		for _, v := range regexp.MustCompile(`--d-([a-z-]+): var\(--desk-([a-z-]+), (#[0-9a-f]{6})\);`).FindAllStringSubmatch(blocks[i][1], -1) {
			if v[1] != v[2] {
				t.Errorf("%s: --d-%s is taken from --desk-%s", scheme, v[1], v[2])
			}
			colours[v[1]] = v[3]
		}
		for _, pair := range []struct {
			front, back string
			want        float64
		}{
			{"ink", "paper", 4.5}, {"ink", "sheet", 4.5}, {"soft", "paper", 4.5}, {"soft", "sheet", 4.5},
			{"accent", "paper", 4.5}, {"accent", "sheet", 4.5}, {"on-accent", "accent", 4.5},
			{"bad", "paper", 4.5}, {"bad", "sheet", 4.5}, {"bad", "bad-back", 4.5}, {"good", "good-back", 4.5}, {"accent", "bad-back", 4.5},
			{"edge", "paper", 3}, {"edge", "sheet", 3},
		} {
			if got := contrast(t, colours[pair.front], colours[pair.back]); got < pair.want {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, pair.front, pair.back, got, pair.want)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil || len(colour) != 7 {
		t.Fatalf("colour %q: %v", colour, err)
	}
	linear := func(shift int) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+.055)/1.055, 2.4)
	}
	return .2126*linear(16) + .7152*linear(8) + .0722*linear(0)
}

// TestStylesheet: its address changes with its content, so that it may be kept for ever.
func TestStylesheet(t *testing.T) {
	t.Parallel()
	book, err := incident.Open(incident.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	h, err := New(Options{Book: book, Prefix: "/ops", Allow: func(*http.Request) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	address := regexp.MustCompile(`href="(/ops/desk\.[0-9a-f]{16}\.css)"`).FindStringSubmatch(get("/ops").Body.String())
	if address == nil {
		t.Fatal("the page names no stylesheet")
	}
	w := get(address[1])
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/css; charset=utf-8" || w.Header().Get("Cache-Control") != "private, max-age=31536000, immutable" || !strings.Contains(w.Body.String(), ".desk {") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := get("/ops/desk.0000000000000000.css"); w.Code != 404 {
		t.Errorf("another stylesheet: %d", w.Code)
	}
}
