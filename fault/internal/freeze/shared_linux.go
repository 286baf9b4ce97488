//go:build amd64 || arm64

package freeze

import (
	"bytes"
	"os"
	"strconv"
)

// region is a part of the memory.
type region struct{ start, end uintptr }

// sharedMemory returns the writable memory that a copy has in common with the process.
func sharedMemory() ([]region, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	var found []region
	for line := range bytes.Lines(maps) {
		// 7f0c2c000000-7f0c2c008000 rw-s 00000000 fe:00 1234 /path
		place, rest, _ := bytes.Cut(line, []byte(" "))
		if len(rest) < 4 || rest[1] != 'w' || rest[3] != 's' {
			continue
		}
		from, to, _ := bytes.Cut(place, []byte("-"))
		start, err := strconv.ParseUint(string(from), 16, 64)
		if err != nil {
			return nil, err
		}
		end, err := strconv.ParseUint(string(to), 16, 64)
		if err != nil {
			return nil, err
		}
		found = append(found, region{uintptr(start), uintptr(end)})
	}
	return found, nil
}
