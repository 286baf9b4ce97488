package mailbox

import (
	"mime"
	"strings"
	"unicode"

	"example.org/microblog/fault/internal/visible"
)

const maxFileName = 120 // characters

// safeFileName makes a file name of what a mail calls an attachment: no path, no hidden file, nothing that a file
// system or a shell takes for something else. number is the part's place, for one without a usable name.
func safeFileName(name, mediaType, number string) string {
	name = strings.ToValidUTF8(name, "_")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case visible.Hidden(r), strings.ContainsRune(`<>:"|?*`, r), r == unicode.ReplacementChar:
			return '_'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, name)
	name = strings.TrimRight(strings.TrimLeft(name, ". -"), ". ")
	if stem, _, _ := strings.Cut(name, "."); reservedOnWindows(stem) {
		name = "_" + name
	}
	if name == "" {
		name = "part-" + strings.ReplaceAll(number, ".", "-") + extension(mediaType)
	}
	if runes := []rune(name); len(runes) > maxFileName {
		ext := []rune{}
		if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 10 {
			ext = []rune(name[i:])
		}
		name = string(runes[:maxFileName-len(ext)]) + string(ext)
	}
	return name
}

func reservedOnWindows(stem string) bool {
	switch stem = strings.ToUpper(strings.TrimSpace(stem)); stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && stem[3] >= '0' && stem[3] <= '9'
}

// extension is that of the few types that come without a name. The system's own table is not asked: it differs.
func extension(mediaType string) string {
	switch mediaType {
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "message/rfc822":
		return ".eml"
	case "image/png", "image/gif", "image/jpeg", "image/webp":
		return "." + strings.TrimPrefix(mediaType, "image/")
	case "application/pdf":
		return ".pdf"
	case "text/calendar":
		return ".ics"
	}
	return ".bin"
}

// attachmentDisposition is the Content-Disposition that makes browsers store a file and never show it.
func attachmentDisposition(name string) string {
	if value := mime.FormatMediaType("attachment", map[string]string{"filename": name}); value != "" {
		return value
	}
	return "attachment"
}
