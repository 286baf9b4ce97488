package overlay_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/overlay"
)

// TestContrast holds the colours of the pages against WCAG AA, in the light and in the dark.
func TestContrast(t *testing.T) {
	t.Parallel()
	content, _, _ := overlay.Asset("overlay.css")
	light, dark, found := strings.Cut(string(content), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("no colours for the dark")
	}
	colors := func(css string) map[string]float64 {
		all := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			all[m[1]] = luminance(t, m[2])
		}
		return all
	}
	for name, all := range map[string]map[string]float64{"light": colors(light), "dark": colors(dark)} {
		for _, on := range []struct {
			back  string
			fore  string
			least float64
		}{
			{"paper", "ink soft accent accent-deep bad", 4.5},
			{"sheet", "ink soft accent accent-deep bad keyword string number comment", 4.5},
			{"bad-back", "ink bad keyword string number comment", 4.5},
			{"tag", "ink soft", 4.5},
			{"paper", "edge", 3},
			{"sheet", "edge", 3},
			{"bad-back", "bad-edge", 3},
		} {
			for _, fore := range strings.Fields(on.fore) {
				a, is := all[fore]
				b, isToo := all[on.back]
				ratio := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05)
				if !is || !isToo || ratio < on.least {
					t.Errorf("%s: %s on %s has %.2f, not %.1f", name, fore, on.back, ratio, on.least)
				}
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// TestStaticFiles: they ask for nothing from elsewhere, and the script that every page carries stays small.
func TestStaticFiles(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]int{"client.js": 32 << 10, "page.js": 10 << 10, "overlay.css": 20 << 10} {
		content, _, _ := overlay.Asset(name)
		if len(content) > most {
			t.Errorf("%s has %d bytes", name, len(content))
		}
		for _, found := range regexp.MustCompile(`https?://[^\s"'`+"`"+`]*|@import\s|\beval\(|innerHTML`).FindAllString(string(content), -1) {
			if found != "http://www.w3.org/1999/xhtml" {
				t.Errorf("%s: %s", name, found)
			}
		}
	}
}
