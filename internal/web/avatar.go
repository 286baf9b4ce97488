package web

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// avatarCells is how many cells decide the picture: three columns of five, the other two mirror.
const avatarCells = 15

// The shapes a cell can have.
const (
	shapeNone = iota
	shapeSquare
	shapeDisc
	shapeQuarter // a quarter of a disc; in the middle column a half, so that it stays symmetrical
	shapes
)

// Avatar draws the picture of the user with this id: an SVG of less than 2 KB, always the same
// for the same id, symmetrical, and as good on a dark page as on a light one. It needs no query
// and tells nothing but the id.
func Avatar(id int64) []byte {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], uint64(id))
	sum := sha256.Sum256(append([]byte("microblog avatar "), seed[:]...))
	for !balanced(sum) {
		sum = sha256.Sum256(sum[:])
	}
	palettes := avatarPalettes()
	colours := palette(palettes, sum[31])

	b := make([]byte, 0, 1536)
	b = append(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 7 7" role="img"><title>Picture of person `...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, `</title><path fill="`...)
	b = append(b, colours.ground...)
	b = append(b, `" d="M0 0h7v7H0z"/>`...)
	b = appendShapes(b, colours.shape, sum, false)
	b = appendShapes(b, colours.disc, sum, true)
	return append(b, `</svg>`...)
}

// balanced tells whether enough cells are filled, and enough are not, to make a figure.
func balanced(sum [32]byte) bool {
	filled, discs := 0, 0
	for i := range avatarCells {
		switch sum[i] % shapes {
		case shapeDisc:
			discs++
			filled++
		case shapeSquare, shapeQuarter:
			filled++
		}
	}
	return filled >= 8 && filled <= 12 && discs >= 1 && discs <= 4
}

type avatarColours struct{ ground, shape, disc string }

func palette(all []avatarColours, pick byte) avatarColours { return all[int(pick)%len(all)] }

// avatarPalettes have a ground of middle lightness, which stands out from a white and from a black
// page, and shapes much lighter than it.
func avatarPalettes() []avatarColours {
	return []avatarColours{
		{"#17695b", "#bfe8da", "#ffd479"},
		{"#2f5d8c", "#cfe3f7", "#ffc98a"},
		{"#5b4a91", "#ddd5f7", "#ffb8c6"},
		{"#8a3d68", "#f8d3e4", "#ffd98f"},
		{"#a04a32", "#fbdccd", "#ffe9a8"},
		{"#7d6018", "#f6e6b4", "#ffffff"},
		{"#4c6b2a", "#dcecbf", "#ffe08a"},
		{"#455f6d", "#d3e3ea", "#ffcfa3"},
		{"#256a7b", "#c6e8ef", "#ffd0b0"},
		{"#704839", "#f0d8ca", "#b9e3d6"},
		{"#414f9b", "#d5dafa", "#ffd479"},
		{"#92384a", "#fad2d7", "#c9e6ff"},
	}
}

// appendShapes draws the discs, or all but the discs, as one path.
func appendShapes(b []byte, colour string, sum [32]byte, discs bool) []byte {
	b = append(b, `<path fill="`...)
	b = append(b, colour...)
	b = append(b, `" d="`...)
	for i := range avatarCells {
		shape, turn := sum[i]%shapes, sum[i]/shapes
		if shape == shapeNone || (shape == shapeDisc) != discs {
			continue
		}
		column, row := i%3+1, i/3+1
		b = appendShape(b, shape, turn, column, row)
		if column < 3 {
			b = appendShape(b, shape, turn^1, 6-column, row)
		}
	}
	return append(b, `"/>`...)
}

// appendShape draws one shape into the cell at column x and row y. Bit 0 of turn mirrors a quarter
// from left to right, bit 1 from top to bottom.
func appendShape(b []byte, shape, turn byte, x, y int) []byte {
	path := ""
	switch {
	case shape == shapeSquare:
		path = "h1v1h-1z"
	case shape == shapeDisc:
		path = "m0 .5a.5.5 0 0 0 1 0 .5.5 0 0 0-1 0z"
	case x == 3 && turn&2 == 0:
		path = "h1v.5a.5.5 0 0 1-1 0z"
	case x == 3:
		path = "m0 1h1v-.5a.5.5 0 0 0-1 0z"
	case turn&3 == 0:
		path = "h1a1 1 0 0 1-1 1z"
	case turn&3 == 1:
		path = "h1v1a1 1 0 0 1-1-1z"
	case turn&3 == 2:
		path = "v1h1a1 1 0 0 0-1-1z"
	default:
		path = "m1 0v1h-1a1 1 0 0 1 1-1z"
	}
	b = append(b, 'M')
	b = strconv.AppendInt(b, int64(x), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(y), 10)
	return append(b, path...)
}
