package mailbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strconv"
	"strings"

	"example.org/microblog/fault/internal/visible"
)

const (
	maxParts = 500 // of one mail
	maxDepth = 20  // of parts within parts
)

// A part is one piece of a mail's tree (RFC 2045 to 2049). Its body lies in the mail's source.
type part struct {
	path      string // "1.2"; "" is the whole mail
	header    header
	mediaType string // in lower case: text/plain
	params    map[string]string
	body      []byte // still encoded
	children  []*part
}

// parseParts reads the tree of a mail. It never fails: what it cannot read is a leaf, with a remark.
func parseParts(raw []byte, notes *remarks) *part {
	p := partParser{notes: notes}
	return p.parse(raw, "", "text/plain", 0)
}

type partParser struct {
	notes *remarks
	count int
}

func (p *partParser) parse(raw []byte, path, defaultType string, depth int) *part {
	p.count++
	where := "The header"
	if path != "" {
		where = "The header of part " + path
	}
	n := &part{path: path}
	n.header, n.body = splitHeader(raw, where, p.notes)
	n.mediaType, n.params = p.contentType(n.header.get("Content-Type"), path, defaultType)
	if !strings.HasPrefix(n.mediaType, "multipart/") {
		return n
	}
	boundary := n.params["boundary"]
	switch {
	case boundary == "":
		p.notes.add("%s is %s but has no boundary, so its parts cannot be told apart", partName(path), n.mediaType)
		n.mediaType = "text/plain"
		return n
	case depth == maxDepth:
		p.notes.add("%s: parts within parts are followed %d deep and no further", partName(path), maxDepth)
		n.mediaType = "application/octet-stream"
		return n
	}
	childType := "text/plain"
	if n.mediaType == "multipart/digest" {
		childType = "message/rfc822" // RFC 2046, 5.1.5
	}
	pieces, closed := splitBoundary(n.body, boundary, maxParts-p.count+1)
	if !closed {
		p.notes.add("%s does not end with its boundary: the end may be missing", partName(path))
	}
	for i, piece := range pieces {
		if p.count >= maxParts {
			p.notes.add("there are more than %d parts; the rest is only in the source", maxParts)
			break
		}
		child := strconv.Itoa(i + 1)
		if path != "" {
			child = path + "." + child
		}
		n.children = append(n.children, p.parse(piece, child, childType, depth+1))
	}
	if len(pieces) == 0 {
		p.notes.add("%s is %s but its boundary does not occur in it", partName(path), n.mediaType)
		n.mediaType = "text/plain"
	}
	return n
}

func partName(path string) string {
	if path == "" {
		return "The mail"
	}
	return "Part " + path
}

func (p *partParser) contentType(value, path, defaultType string) (string, map[string]string) {
	if value == "" {
		return defaultType, nil
	}
	mediaType, params, err := mime.ParseMediaType(value)
	if err != nil {
		p.notes.add("%s: its Content-Type cannot be read: %s", partName(path), visible.Line(shorten(value, 80)))
		if mediaType == "" {
			return defaultType, nil
		}
	}
	return mediaType, params
}

// splitBoundary returns what lies between the lines of boundary, at most limit pieces, and whether the last line was
// the closing one (RFC 2046, 5.1.1). Without any such line it returns nothing.
func splitBoundary(body []byte, boundary string, limit int) (pieces [][]byte, closed bool) {
	mark := []byte("--" + boundary)
	start := -1
	for at := 0; at < len(body); {
		i := bytes.Index(body[at:], mark)
		if i < 0 {
			break
		}
		i += at
		line, rest := cutLine(body[i:])
		at = len(body) - len(rest)
		tail := bytes.TrimRight(line[min(len(mark), len(line)):], " \t")
		if i > 0 && body[i-1] != '\n' || len(tail) != 0 && !bytes.Equal(tail, []byte("--")) {
			continue
		}
		if start >= 0 {
			pieces = append(pieces, trimLineEnd(body[start:max(i, start)]))
		}
		if len(tail) != 0 {
			return pieces, true
		}
		if len(pieces) >= limit {
			return pieces, true // the rest is not looked at
		}
		start = at
	}
	if start >= 0 {
		pieces = append(pieces, body[start:])
	}
	return pieces, false
}

// trimLineEnd removes one line end, which belongs to the boundary after it.
func trimLineEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// walk calls visit for each part in order.
func (n *part) walk(visit func(*part)) {
	visit(n)
	for _, c := range n.children {
		c.walk(visit)
	}
}

// leaves calls visit for each part that has no parts itself, in order.
func (n *part) leaves(visit func(*part)) {
	n.walk(func(p *part) {
		if len(p.children) == 0 {
			visit(p)
		}
	})
}

// decoded returns the body without its transfer encoding (RFC 2045, 6), and what was wrong with it.
func (n *part) decoded() (body []byte, wrong string) {
	switch encoding := strings.ToLower(strings.TrimSpace(n.header.get("Content-Transfer-Encoding"))); encoding {
	case "", "7bit", "8bit", "binary":
		return n.body, ""
	case "base64":
		return decodeBase64(n.body)
	case "quoted-printable":
		out, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(n.body)))
		if err != nil {
			return n.body, "its quoted-printable is broken, so it is shown as it came"
		}
		return out, ""
	default:
		return n.body, "its Content-Transfer-Encoding is not known: " + visible.Line(shorten(encoding, 40))
	}
}

// decodeBase64 decodes what it can: characters that are not of base64 are skipped (RFC 2045, 6.8).
func decodeBase64(b []byte) (out []byte, wrong string) {
	clean := make([]byte, 0, len(b))
	for _, c := range b {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		case c == '=', c == '\r', c == '\n', c == ' ', c == '\t':
		default:
			wrong = "its base64 has characters that are not of base64"
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
		wrong = "its base64 ends too early"
	}
	out = make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, err := base64.RawStdEncoding.Decode(out, clean)
	if err != nil {
		return out[:n], "its base64 is broken"
	}
	return out[:n], wrong
}

// text returns the body as text with \n as line end, and what was wrong with it.
func (n *part) text() (text string, wrong []string) {
	body, problem := n.decoded()
	if problem != "" {
		wrong = append(wrong, problem)
	}
	text, problem = toUTF8(body, n.params["charset"])
	if problem != "" {
		wrong = append(wrong, problem)
	}
	return strings.ReplaceAll(text, "\r\n", "\n"), wrong
}

// contentID returns the part's Content-ID without brackets, or "".
func (n *part) contentID() string {
	return strings.Trim(strings.TrimSpace(n.header.get("Content-ID")), "<>")
}

// disposition returns whether the part says that it is an attachment, and the name that it gives itself.
func (n *part) disposition() (attachment bool, name string) {
	kind, params, err := mime.ParseMediaType(n.header.get("Content-Disposition"))
	attachment = kind == "attachment" || err != nil && strings.HasPrefix(strings.ToLower(n.header.get("Content-Disposition")), "attachment")
	if name = params["filename"]; name == "" {
		name = n.params["name"]
	}
	return attachment, decodeHeader(name)
}
