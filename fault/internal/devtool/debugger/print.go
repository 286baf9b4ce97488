package debugger

import (
	"cmp"
	"fmt"
	"io/fs"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxValue = 240 // bytes of a line, roughly
	maxText  = 200 // bytes of a string, or of bytes, in it
	maxDepth = 3   // of what is nested in it
)

// A writer writes a value on a line.
type writer struct {
	session *Session
	limit   int
	b       strings.Builder
	cut     bool
}

func (p *writer) String() string { return p.b.String() }

func (p *writer) write(text string) { p.b.WriteString(text) }

func (p *writer) full() bool { return p.b.Len() >= p.limit }

// more says that something is left out.
func (p *writer) more() {
	p.cut = true
	p.write("…")
}

// value writes w, which is nested so deep.
func (p *writer) value(w *wireVariable, depth int) {
	if reason := p.session.unreadable(w); reason != "" {
		p.write("(unreadable)")
		return
	}
	if p.special(w, depth) {
		return
	}
	switch w.Kind {
	case reflect.String:
		p.text(w, depth)
	case reflect.Struct:
		p.structure(w, depth)
	case reflect.Pointer:
		p.pointer(w, depth)
	case reflect.Interface:
		p.boxed(w, depth)
	case reflect.Slice, reflect.Array:
		p.list(w, depth)
	case reflect.Map:
		p.entries(w, depth)
	case reflect.Chan:
		p.channel(w)
	case reflect.Func:
		p.function(w)
	case reflect.UnsafePointer:
		if isNil(w) {
			p.write("nil")
		} else {
			p.write(fmt.Sprintf("%#x", w.Children[0].Addr))
		}
	case reflect.Invalid:
		p.tuple(w, depth)
	default:
		p.write(scalar(w))
	}
}

// scalar is a boolean or a number. Delve's kinds of integers leave their sizes out.
func scalar(w *wireVariable) string {
	basic := w.RealType
	if reflect.Float32 <= w.Kind && w.Kind <= reflect.Complex128 { // RealType is the name of one that has one.
		basic = w.Kind.String()
	}
	switch basic {
	case "float32", "float64":
		bits := 64
		if basic == "float32" {
			bits = 32
		}
		if f, err := strconv.ParseFloat(w.Value, bits); err == nil {
			return strconv.FormatFloat(f, 'g', -1, bits)
		}
	case "complex64", "complex128":
		if len(w.Children) == 2 {
			half := "float64"
			if basic == "complex64" {
				half = "float32"
			}
			parts := [2]string{}
			for i := range parts {
				parts[i] = scalar(&wireVariable{RealType: half, Value: w.Children[i].Value})
			}
			if !strings.HasPrefix(parts[1], "-") && !strings.HasPrefix(parts[1], "+") {
				parts[1] = "+" + parts[1]
			}
			return "(" + parts[0] + parts[1] + "i)"
		}
	case "uintptr":
		if n, err := strconv.ParseUint(w.Value, 10, 64); err == nil {
			return fmt.Sprintf("%#x", n)
		}
	case "int32", "uint8":
		// A rune and a byte are these types, and nothing tells whether it is meant as one.
		n, err := strconv.ParseInt(w.Value, 10, 32)
		if err == nil && w.Type == w.RealType && n >= ' ' && (w.Type == "int32" || n < utf8.RuneSelf) && unicode.IsGraphic(rune(n)) {
			return w.Value + " " + strconv.QuoteRune(rune(n))
		}
	}
	return w.Value
}

func (p *writer) text(w *wireVariable, depth int) {
	text, limit := w.text(), maxText
	if depth > 0 {
		limit = maxText / 4
	}
	p.quoted(text, int(w.Len), limit)
}

// quoted writes a string of that length, of which text was read.
func (p *writer) quoted(text string, length, limit int) {
	if len(text) > limit {
		text = text[:limit]
		for len(text) > 0 && !utf8.ValidString(lastRune(text)) && len(text) > limit-utf8.UTFMax {
			text = text[:len(text)-1]
		}
	}
	p.write(strconv.Quote(text))
	if len(text) < length {
		p.more()
		p.write(fmt.Sprintf(" (%d bytes)", length))
	}
}

// lastRune is the last rune of a text, or what there is of it.
func lastRune(text string) string {
	at := len(text) - 1
	for at > 0 && len(text)-at < utf8.UTFMax && !utf8.RuneStart(text[at]) {
		at--
	}
	return text[at:]
}

func (p *writer) structure(w *wireVariable, depth int) {
	if w.OnlyAddr || len(w.Children) == 0 && w.Len > 0 || depth > maxDepth {
		p.write("{")
		p.more()
		p.write("}")
		return
	}
	p.write("{")
	first := true
	for i := range w.Children {
		child := &w.Children[i]
		if child.Name == "_" {
			continue
		}
		if !first {
			p.write(", ")
		}
		first = false
		if p.full() {
			p.more()
			break
		}
		p.write(child.Name + ": ")
		p.value(child, depth+1)
	}
	p.write("}")
}

func (p *writer) pointer(w *wireVariable, depth int) {
	switch {
	case isNil(w):
		p.write("nil")
	case w.Children[0].OnlyAddr, depth > 1, w.Children[0].Kind == reflect.Pointer && !isNil(&w.Children[0]):
		p.write(fmt.Sprintf("%#x", w.Children[0].Addr))
		p.cut = true
	default:
		p.write("&")
		p.value(&w.Children[0], depth+1)
	}
}

// boxed writes what is in an interface, with its type where the value alone does not tell it.
func (p *writer) boxed(w *wireVariable, depth int) {
	if isNil(w) {
		p.write("nil")
		return
	}
	data := &w.Children[0]
	if data.Kind == reflect.Invalid || data.OnlyAddr {
		p.more()
		return
	}
	name := shortType(data.Type)
	if isNil(data) {
		if strings.HasPrefix(name, "*") {
			name = "(" + name + ")"
		}
		p.write(name + "(nil)")
		return
	}
	switch name {
	case "string", "bool", "int", "float64":
	default:
		p.write(name + " ")
	}
	p.value(data, depth)
}

func (p *writer) list(w *wireVariable, depth int) {
	switch {
	case w.Kind == reflect.Slice && isNil(w):
		p.write("nil")
		return
	case isBytes(w) && w.Len > 0:
		p.bytes(w)
		return
	}
	p.write("[")
	for i := range w.Children {
		if i > 0 {
			p.write(", ")
		}
		if p.full() || depth > maxDepth || w.Children[i].OnlyAddr && w.Children[i].Kind == reflect.Invalid {
			p.more()
			break
		}
		p.value(&w.Children[i], depth+1)
	}
	p.rest(len(w.Children), w.Len)
	p.write("]")
	p.count(w.Len, "elements")
}

// rest says that not all was read.
func (p *writer) rest(read int, length int64) {
	if int64(read) >= length || strings.HasSuffix(p.String(), "…") {
		return
	}
	if read > 0 {
		p.write(", ")
	}
	p.more()
}

// count says how many there are, when not all are shown.
func (p *writer) count(length int64, what string) {
	if p.cut && length > 3 {
		p.write(fmt.Sprintf(" (%d %s)", length, what))
	}
}

// bytes writes bytes as text if they are text, else in hexadecimal.
func (p *writer) bytes(w *wireVariable) {
	if len(w.Children) == 0 {
		p.more()
		p.write(fmt.Sprintf(" (%d bytes)", w.Len))
		return
	}
	data := make([]byte, 0, len(w.Children))
	for i := range w.Children {
		if w.Children[i].Unreadable != "" {
			p.write("(unreadable)")
			return
		}
		data = append(data, byte(number(&w.Children[i])))
	}
	if isText(data, int64(len(data)) < w.Len) {
		p.quoted(string(data), int(w.Len), maxText)
		return
	}
	const most = 32
	shown := data[:min(len(data), most)]
	p.write(fmt.Sprintf("% x", shown))
	if int64(len(shown)) < w.Len {
		p.write(" ")
		p.more()
		p.write(fmt.Sprintf(" (%d bytes)", w.Len))
	}
}

// isText reports whether bytes are printable text, of which the end may be missing.
func isText(data []byte, cut bool) bool {
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size <= 1 {
			return cut && len(data) < utf8.UTFMax && !utf8.FullRune(data)
		}
		if !unicode.IsPrint(r) && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
		data = data[size:]
	}
	return true
}

func (p *writer) entries(w *wireVariable, depth int) {
	if w.Base == 0 {
		p.write("nil")
		return
	}
	p.write("{")
	pairs := sorted(p.session, w)
	for i, pair := range pairs {
		if i > 0 {
			p.write(", ")
		}
		if p.full() || depth > maxDepth {
			p.more()
			break
		}
		p.value(pair.key, depth+1)
		p.write(": ")
		p.value(pair.value, depth+1)
	}
	p.rest(len(pairs), w.Len)
	p.write("}")
	p.count(w.Len, "entries")
}

func (p *writer) channel(w *wireVariable) {
	if w.Base == 0 {
		p.write("nil")
		return
	}
	if len(w.Children) == 0 {
		p.more()
		return
	}
	queued, size, closed := channelState(w)
	if size == 0 {
		p.write("unbuffered")
	} else {
		p.write(fmt.Sprintf("%d of %d queued", queued, size))
	}
	if closed {
		p.write(", closed")
	}
}

func (p *writer) function(w *wireVariable) {
	switch {
	case w.Base == 0:
		p.write("nil")
	case w.Value == "":
		p.write(fmt.Sprintf("%#x", w.Base))
	default:
		p.write(shortType(strings.TrimSuffix(w.Value, "-fm")))
	}
}

func (p *writer) tuple(w *wireVariable, depth int) {
	if len(w.Children) == 0 {
		p.write("(no result)")
		return
	}
	p.write("(")
	for i := range w.Children {
		if i > 0 {
			p.write(", ")
		}
		p.value(&w.Children[i], depth+1)
	}
	p.write(")")
}

// special writes what has a better form than that of its fields. What it needs must have been read.
func (p *writer) special(w *wireVariable, depth int) bool {
	switch w.Type {
	case "time.Duration":
		p.write(time.Duration(number(w)).String())
	case "io/fs.FileMode":
		p.write(fs.FileMode(number(w)).String())
	case "time.Time":
		text, ok := timeText(w)
		if !ok {
			return false
		}
		p.write(text)
	case "sync.Mutex", "internal/sync.Mutex":
		state := field(field(w, "mu"), "state")
		if w.Type != "sync.Mutex" {
			state = field(w, "state")
		}
		if state == nil {
			return false
		}
		const locked = 1
		switch n := number(state); {
		case n < 0: // What the runtime then ends with has changed it already.
			p.write("unlocked once too often")
		case n&locked != 0:
			p.write("locked")
		default:
			p.write("unlocked")
		}
	case "sync/atomic.Bool":
		v := field(w, "v")
		if v == nil {
			return false
		}
		p.write(strconv.FormatBool(number(v) != 0))
	case "sync/atomic.Int32", "sync/atomic.Int64", "sync/atomic.Uint32", "sync/atomic.Uint64", "sync/atomic.Uintptr":
		v := field(w, "v")
		if v == nil {
			return false
		}
		p.write(scalar(v))
	case "*errors.errorString", "*fmt.wrapError", "*fmt.wrapErrors":
		// Their Error returns nothing but this field.
		text := cmp.Or(field(w, "s"), field(w, "msg"))
		if isNil(w) || text == nil || text.Kind != reflect.String || text.Unreadable != "" {
			return false
		}
		p.text(text, depth)
	default:
		return false
	}
	return true
}

// timeText formats a time.Time. Delve has found out its zone, but leaves fractions of seconds out.
func timeText(w *wireVariable) (string, bool) {
	wallField, extField := field(w, "wall"), field(w, "ext")
	if wallField == nil || extField == nil || w.Value == "" {
		return "", false
	}
	wall, err := strconv.ParseUint(wallField.Value, 10, 64)
	if err != nil {
		return "", false
	}
	said, _, _ := strings.Cut(w.Value, ",")
	at, err := time.Parse(time.RFC3339, said)
	if err != nil {
		return "", false
	}
	const (
		hasMonotonic  = 1 << 63
		nanoseconds   = 1<<30 - 1
		toUnix        = -62135596800 // seconds from year 1 to 1970
		wallToYearOne = 59453308800  // seconds from year 1 to 1885
	)
	seconds := number(extField) + toUnix
	if wall&hasMonotonic != 0 {
		seconds = int64(wall<<1>>31) + wallToYearOne + toUnix
	}
	if at.Unix() != seconds {
		return "", false
	}
	if seconds == toUnix && wall&nanoseconds == 0 {
		return "zero time", true
	}
	return time.Unix(seconds, int64(wall&nanoseconds)).In(at.Location()).Format(time.RFC3339Nano), true
}

// number is an integer, of which Delve may have said the constant: "March (3)". A uint64 keeps its bits.
func number(w *wireVariable) int64 {
	if w == nil {
		return 0
	}
	text := integerText(w.Value)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	n, _ := strconv.ParseUint(text, 10, 64)
	return int64(n)
}

// integerText is the number in "March (3)".
func integerText(value string) string {
	if strings.HasSuffix(value, ")") {
		if open := strings.LastIndexByte(value, '('); open >= 0 {
			return value[open+1 : len(value)-1]
		}
	}
	return value
}

type pair struct{ key, value *wireVariable }

// sorted are the loaded entries of a map, in the order of their keys.
func sorted(s *Session, w *wireVariable) []pair {
	var pairs []pair
	for i := 0; i+1 < len(w.Children); i += 2 {
		pairs = append(pairs, pair{&w.Children[i], &w.Children[i+1]})
	}
	text := func(w *wireVariable) string {
		p := writer{session: s, limit: maxValue}
		p.value(w, 0)
		return p.String()
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		x, y := a.key, b.key
		if x.Kind == y.Kind {
			switch {
			case x.Kind == reflect.String:
				return cmp.Compare(x.text(), y.text())
			case reflect.Int <= x.Kind && x.Kind <= reflect.Int64:
				return cmp.Compare(number(x), number(y))
			case reflect.Uint <= x.Kind && x.Kind <= reflect.Uintptr:
				return cmp.Compare(uint64(number(x)), uint64(number(y)))
			case x.Kind == reflect.Float32 || x.Kind == reflect.Float64:
				return cmp.Compare(float(x), float(y))
			}
		}
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(text(x), text(y)))
	})
	return pairs
}

// float is a floating-point number. The text of a float32 is the shortest that means it among those.
func float(w *wireVariable) float64 {
	bits := 64
	if w.Kind == reflect.Float32 {
		bits = 32
	}
	f, err := strconv.ParseFloat(w.Value, bits)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

var (
	// importPath is that of a package but for its last element.
	importPath = regexp.MustCompile(`(?:[\w.~%-]+/)+`)
	localType  = regexp.MustCompile(`·\d+`)
	emptyAny   = regexp.MustCompile(`interface ?\{ ?\}`)
	bytesType  = regexp.MustCompile(`\]uint8\b`)
)

// shortType is a type, or a function, as one writes it in a program.
func shortType(full string) string {
	short := importPath.ReplaceAllString(full, "")
	short = localType.ReplaceAllString(short, "")
	short = emptyAny.ReplaceAllString(short, "any")
	short = bytesType.ReplaceAllString(short, "]byte")
	return strings.ReplaceAll(short, "struct struct {}", "struct {}")
}

// sentence makes one of what Delve says.
func sentence(text string) string {
	text = strings.TrimSpace(lastLine(text))
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
