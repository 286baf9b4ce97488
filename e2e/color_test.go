package e2e

import (
	"fmt"
	"math"
	"testing"
)

// luminance is the relative luminance of a colour such as rgb(17, 22, 20), from 0 to 1 (WCAG 2.2).
func luminance(t testing.TB, color string) float64 {
	t.Helper()
	var r, g, b float64
	if _, err := fmt.Sscanf(color, "rgb(%f, %f, %f)", &r, &g, &b); err != nil {
		t.Fatalf("the colour %q: %v", color, err)
	}
	linear := func(c float64) float64 {
		c /= 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}
