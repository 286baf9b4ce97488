package reproduce

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"example.org/microblog/fault/redact"
)

// term is a part of the expression for a text: a literal, or code.
type term struct {
	text string
	code bool
}

type expression []term

func (e expression) String() string {
	if len(e) == 0 {
		return `""`
	}
	var parts []string
	for _, t := range e {
		if t.code {
			parts = append(parts, t.text)
		} else {
			parts = append(parts, strconv.Quote(t.text))
		}
	}
	return strings.Join(parts, " + ")
}

// masked adds a text to an expression, with constants in place of what was masked.
func (g *goTest) masked(e expression, s, where string, use func(string) string) expression {
	for i, part := range strings.Split(s, redact.Mask) {
		if i > 0 {
			e = append(e, term{use(g.secret(where)), true})
		}
		switch last := len(e) - 1; {
		case part == "":
		case last >= 0 && !e[last].code:
			e[last].text += part
		default:
			e = append(e, term{part, false})
		}
	}
	return e
}

func plain(name string) string { return name }

// text is the expression for a text.
func (g *goTest) text(s, where string) string { return g.masked(nil, s, where, plain).String() }

// secret returns the name of a new constant.
func (g *goTest) secret(where string) string {
	name := "masked"
	upper := true
	for _, r := range strings.TrimPrefix(where, "the ") {
		switch {
		case r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) && len(name) < 40:
			if upper {
				r = unicode.ToUpper(r)
			}
			name += string(r)
			upper = false
		default:
			upper = true
		}
	}
	unique := name
	for n := 2; slices.ContainsFunc(g.secrets, func(s secret) bool { return s.name == unique }); n++ {
		unique = name + "No" + strconv.Itoa(n)
	}
	g.secrets = append(g.secrets, secret{unique, where})
	return unique
}
