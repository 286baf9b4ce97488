package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is read and shown.
const (
	maxFile = 32 << 20 // bytes of a file
	maxLine = 240      // bytes of a line
)

// root is a tree of files that nothing outside of is read from.
type root struct {
	name string // for people
	fsys fs.FS  // or else
	dir  string
}

// excerpt returns the lines around the one of that number.
func (f *Finder) excerpt(p place, number, around int) (Excerpt, error) {
	opened, err := p.root.open(p.rel)
	if err != nil {
		return Excerpt{}, f.unreadable(p, err)
	}
	defer opened.Close() // only read
	info, err := opened.Stat()
	if err != nil {
		return Excerpt{}, f.unreadable(p, err)
	}
	if info.Size() > maxFile {
		return Excerpt{}, reason(ErrRefused, "%s is longer than %d MiB", p.name, maxFile>>20)
	}
	if p.fresh && (f.built.IsZero() || info.ModTime().After(f.built)) {
		return Excerpt{}, reason(ErrChanged, "%s may have been changed after the program was built", p.name)
	}
	key := cacheKey{p.root.dir, p.rel, number, around}
	state := fileState{info.ModTime(), info.Size()}
	if lines := f.cache.get(key, state); lines != nil {
		return Excerpt{Lines: lines, From: p.root.name}, nil
	}
	lines, total, err := readLines(opened, number-around, number+around)
	switch {
	case errors.Is(err, errNotText):
		return Excerpt{}, reason(ErrRefused, "%s is not a text", p.name)
	case err != nil:
		return Excerpt{}, f.unreadable(p, err)
	case number > total:
		return Excerpt{}, reason(ErrChanged, "%s has only %d lines, so it is not what was compiled", p.name, total)
	}
	for i := range lines {
		lines[i].Hit = lines[i].Number == number
	}
	f.cache.put(key, state, lines)
	return Excerpt{Lines: lines, From: p.root.name}, nil
}

func (f *Finder) unreadable(p place, err error) error {
	where := p.name
	if p.root.fsys == nil {
		where = filepath.Join(p.root.dir, filepath.FromSlash(p.rel))
	}
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return reason(ErrRefused, "%s cannot be read: %v", where, err)
	case p.root.fsys != nil:
		return reason(ErrNotFound, "%s is not in the embedded source", where)
	case p.fresh && f.own.fsys == nil:
		return reason(ErrNotFound, "the program holds no source code, and there is no %s on this machine", where)
	default:
		return reason(ErrNotFound, "there is no %s on this machine", where)
	}
}

// open opens a regular file. Neither the name nor a symbolic link leads out of a directory.
func (r root) open(rel string) (fs.File, error) {
	if r.fsys != nil {
		return r.fsys.Open(rel) // It checks the name.
	}
	dir, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close() // only read
	rel = filepath.FromSlash(rel)
	info, err := dir.Stat(rel) // To open what is no file may wait forever.
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no regular file (%s)", info.Mode())
	}
	return dir.Open(rel)
}

// goTree returns why Go's own source is not of that version.
func (f *Finder) goTree(version string) error {
	there := ""
	if opened, err := f.goRoot.open("VERSION"); err == nil {
		content, _ := io.ReadAll(io.LimitReader(opened, 1<<10)) // What cannot be read is no version.
		opened.Close()                                          // only read
		there = firstWord(string(content))
	}
	if there == "" {
		return reason(ErrNotFound, "there is no source code of Go on this machine")
	}
	if version = firstWord(version); there != version {
		return reason(ErrOtherBuild, "the source code of Go on this machine is that of %s, this failed with %s", there, version)
	}
	return nil
}

func firstWord(s string) string {
	if words := strings.Fields(s); len(words) > 0 {
		return words[0]
	}
	return ""
}

var errNotText = errors.New("not a text")

// readLines returns the lines numbered from first to last, and how many there are up to last.
func readLines(r io.Reader, first, last int) (lines []Line, total int, err error) {
	in := bufio.NewReaderSize(r, 32<<10)
	var begun bool  // a line of which the end was not read yet
	var long []byte // its beginning, if it is to be returned
	for total < last || begun {
		part, err := in.ReadSlice('\n')
		if len(part) > 0 {
			if !begun {
				begun, total = true, total+1
			}
			if bytes.IndexByte(part, 0) >= 0 {
				return nil, 0, errNotText
			}
			if total >= first && len(long) <= maxLine {
				long = append(long, part[:min(len(part), maxLine+4)]...)
			}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, err
		}
		if begun && total >= first {
			lines = append(lines, Line{Number: total, Text: lineText(long)})
		}
		begun, long = false, long[:0]
		if err != nil {
			break
		}
	}
	return lines, total, nil
}

// lineText returns a line as it can be shown.
func lineText(line []byte) string {
	text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
	cut := len(text) > maxLine
	if cut {
		end := maxLine
		for end > maxLine-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	text = strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return utf8.RuneError // What a terminal or a reader would obey.
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if cut {
		text += "…"
	}
	return text
}
