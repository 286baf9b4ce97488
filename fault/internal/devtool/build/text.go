package build

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what is shown.
const (
	around     = 5        // lines on each side of the one that is meant
	maxSource  = 8 << 20  // bytes of a file that is read for an excerpt
	maxSaid    = 32 << 10 // bytes of output
	maxSaidEnd = 4 << 10  // of these, bytes of its end
)

// readSource reads a file of source code; nil if it cannot be read or is too long.
func readSource(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() // only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err != nil || len(text) > maxSource {
		return nil
	}
	return text
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// temporary matches the names of the toolchain's temporary directories.
var temporary = regexp.MustCompile(`\S*go-(build|link)-?[0-9]+`)

// steady makes the output of a build the same each time: its packages fail in any order.
func steady(output string) string {
	const mark = "\n# "
	var blocks []string
	for rest := temporary.ReplaceAllString(output, "$$WORK/go-$1"); rest != ""; {
		end := len(rest)
		if i := strings.Index(rest, mark); i >= 0 {
			end = i + 1
		}
		blocks = append(blocks, rest[:end])
		rest = rest[end:]
	}
	slices.Sort(blocks)
	return strings.Join(blocks, "")
}

// control matches the control sequences of terminals.
var control = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|.)?")

// clean makes what a program has written fit for every place it is shown in: valid UTF-8 of a bounded length,
// without control sequences.
func clean(s string) string {
	if len(s) > maxSaid {
		s = s[:maxSaid-maxSaidEnd] + "\n[…]\n" + s[len(s)-maxSaidEnd:]
	}
	s = strings.ToValidUTF8(s, "�")
	s = control.ReplaceAllString(s, "")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			return r
		}
		return -1
	}, s)
}
