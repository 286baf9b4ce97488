package web

import (
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func readStatic(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(embedded, "static/"+name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// stylesheetColours reads the colour variables of both schemes from the stylesheet.
func stylesheetColours(t *testing.T) map[string]map[string]string {
	t.Helper()
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\n\s*\}`).FindAllStringSubmatch(readStatic(t, "app.css"), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of variables, want one for light and one for dark", len(blocks))
	}
	schemes := map[string]map[string]string{"light": {}, "dark": {}}
	for i, scheme := range []string{"light", "dark"} {
		for _, v := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(blocks[i][1], -1) {
			schemes[scheme][v[1]] = v[2]
		}
	}
	return schemes
}

// contrast is the ratio of WCAG 2.2, section "contrast ratio", from 1 to 21.
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

func TestContrast(t *testing.T) {
	t.Parallel()
	if got := contrast(t, "#000000", "#ffffff"); math.Abs(got-21) > .001 {
		t.Fatalf("black on white is %v", got)
	}
	const textRatio, edgeRatio = 4.5, 3.0 // success criteria 1.4.3 and 1.4.11, level AA
	for scheme, colours := range stylesheetColours(t) {
		for _, pair := range []struct {
			front, back string
			want        float64
		}{
			{"ink", "paper", textRatio}, {"ink", "sheet", textRatio}, {"ink", "line", textRatio},
			{"soft", "paper", textRatio}, {"soft", "sheet", textRatio}, {"soft", "line", textRatio},
			{"pine", "paper", textRatio}, {"pine", "sheet", textRatio},
			{"pine-deep", "paper", textRatio}, {"pine-deep", "sheet", textRatio},
			{"on-pine", "pine", textRatio}, {"on-pine", "pine-deep", textRatio},
			{"bad", "paper", textRatio}, {"bad", "sheet", textRatio}, {"bad", "bad-back", textRatio}, {"paper", "bad", textRatio},
			{"good", "good-back", textRatio},
			{"edge", "paper", edgeRatio}, {"edge", "sheet", edgeRatio},
		} {
			front, back := colours[pair.front], colours[pair.back]
			if front == "" || back == "" {
				t.Fatalf("%s: no colour %s or %s", scheme, pair.front, pair.back)
			}
			if got := contrast(t, front, back); got < pair.want {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, pair.front, pair.back, got, pair.want)
			}
		}
	}
}

// Avatars stand out from the page of either scheme, and their shapes from their ground.
func TestAvatarContrast(t *testing.T) {
	t.Parallel()
	schemes := stylesheetColours(t)
	for _, c := range avatarPalettes() {
		for name, pair := range map[string][2]string{
			"ground on light": {c.ground, schemes["light"]["paper"]},
			"shape on ground": {c.shape, c.ground},
			"disc on ground":  {c.disc, c.ground},
		} {
			if got := contrast(t, pair[0], pair[1]); got < 3 {
				t.Errorf("%v: %s %.2f", c, name, got)
			}
		}
	}
}

// The content security policy allows nothing from elsewhere, so nothing may be asked for.
func TestStaticFilesStayWithin(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"app.css": 12 << 10, "app.js": 4 << 10} {
		file := readStatic(t, name)
		if len(file) > limit {
			t.Errorf("%s has %d bytes, more than %d", name, len(file), limit)
		}
		for _, never := range []string{"url(", "@import", "http:", "https:", "//cdn", "eval(", "innerHTML", "fetch("} {
			if strings.Contains(file, never) {
				t.Errorf("%s contains %s", name, never)
			}
		}
	}
}

// Every class in a template or in an article written in Go has a rule, and the other way round.
func TestClassesAndRulesMatch(t *testing.T) {
	t.Parallel()
	css := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(readStatic(t, "app.css"), "")
	ruled := map[string]bool{}
	for _, rule := range regexp.MustCompile(`(?s)([^{}]+)\{`).FindAllStringSubmatch(css, -1) {
		for _, c := range regexp.MustCompile(`\.([a-z]+)`).FindAllStringSubmatch(rule[1], -1) {
			ruled[c[1]] = true
		}
	}
	var markup strings.Builder
	markup.WriteString(referenceArticles)
	p := newPages(t)
	for _, page := range samplePages(time.Now()) {
		markup.WriteString(renderPage(t, p, page))
	}
	used := map[string]bool{"over": true, "unseen": true} // set by the script
	for _, c := range regexp.MustCompile(`class="([^"]*)"`).FindAllStringSubmatch(markup.String(), -1) {
		for _, name := range strings.Fields(c[1]) {
			used[name] = true
		}
	}
	for name := range ruled {
		if !used[name] {
			t.Errorf("the stylesheet has a rule for .%s, which no page uses", name)
		}
	}
	for name := range used {
		if !ruled[name] && !strings.ContainsAny(name, "{$") && name != "good" {
			t.Errorf("the class %s has no rule", name)
		}
	}
}
