package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
)

func TestAvatarStaysTheSame(t *testing.T) {
	t.Parallel()
	for id, want := range map[int64]string{1: "224d0ee40a9e", 2: "b48ddab833e9", math.MaxInt64: "6d9f3a50db22"} {
		sum := sha256.Sum256(Avatar(id))
		if got := hex.EncodeToString(sum[:6]); got != want {
			t.Errorf("the picture of %d changed: %s, it was %s; people would not know themselves again", id, got, want)
		}
	}
}

func TestAvatars(t *testing.T) {
	t.Parallel()
	seen := map[string]int64{}
	ids := []int64{0, -1, math.MinInt64, math.MaxInt64}
	for id := range int64(2000) {
		ids = append(ids, id+1)
	}
	for _, id := range ids {
		svg := Avatar(id)
		if len(svg) >= 2048 {
			t.Errorf("%d: %d bytes", id, len(svg))
		}
		checkSVG(t, svg)
		picture := string(svg[bytes.Index(svg, []byte("</title>")):])
		if other, ok := seen[picture]; ok {
			t.Errorf("%d and %d look the same", id, other)
		}
		seen[picture] = id
	}
}

func checkSVG(t *testing.T, svg []byte) {
	t.Helper()
	title, paths := "", 0
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if start, ok := token.(xml.StartElement); ok {
			switch start.Name.Local {
			case "title":
				if err := d.DecodeElement(&title, &start); err != nil {
					t.Fatal(err)
				}
			case "path":
				paths++
			}
		}
	}
	if !strings.HasPrefix(title, "Picture of person ") || paths != 3 {
		t.Errorf("title %q, %d paths in %s", title, paths, svg)
	}
}

// Each cell left of the middle has its mirror image on the right.
func TestAvatarIsSymmetrical(t *testing.T) {
	t.Parallel()
	cell := regexp.MustCompile(`M(\d) (\d)([^MZ"]+z)`)
	mirror := map[string]string{
		"h1v1h-1z":                             "h1v1h-1z",
		"m0 .5a.5.5 0 0 0 1 0 .5.5 0 0 0-1 0z": "m0 .5a.5.5 0 0 0 1 0 .5.5 0 0 0-1 0z",
		"h1a1 1 0 0 1-1 1z":                    "h1v1a1 1 0 0 1-1-1z",
		"h1v1a1 1 0 0 1-1-1z":                  "h1a1 1 0 0 1-1 1z",
		"v1h1a1 1 0 0 0-1-1z":                  "m1 0v1h-1a1 1 0 0 1 1-1z",
		"m1 0v1h-1a1 1 0 0 1 1-1z":             "v1h1a1 1 0 0 0-1-1z",
	}
	for id := range int64(200) {
		shapes := map[string]string{}
		for _, m := range cell.FindAllStringSubmatch(string(Avatar(id)), -1) {
			shapes[m[1]+m[2]] = m[3]
		}
		filled := 0
		for at, shape := range shapes {
			filled++
			if at[0] == '3' {
				continue
			}
			across := string('6'-at[0]+'0') + at[1:]
			if shapes[across] != mirror[shape] {
				t.Fatalf("%d: %s at %s, %s at %s", id, shape, at, shapes[across], across)
			}
		}
		if filled < 8 {
			t.Errorf("%d: only %d cells", id, filled)
		}
	}
}
