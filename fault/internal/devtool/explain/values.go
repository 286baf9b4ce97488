package explain

import (
	"fmt"
	"go/ast"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
)

// jsonRules are about encoding/json.
func jsonRules() []*rule {
	types := func(names ...string) []string { return names }
	return []*rule{{
		topic: "json", types: types("*json.UnmarshalTypeError", "*json.SemanticError"), text: `json: cannot unmarshal (.+) into Go struct field (\S+) of type (.+)$`,
		title: "The JSON does not fit into `$2`", say: "The field `$2` is of the type `$3`. The JSON has this there: $1.",
		try:  []string{"Change what sends it, or the type of the field; a field that may be either is a json.RawMessage or has an UnmarshalJSON of its own.", "If a client sent it, answer 400 and name the field."},
		more: (*subject).jsonNumber,
	}, {
		topic: "json", types: types("*json.UnmarshalTypeError", "*json.SemanticError"), text: `json: cannot unmarshal (.+) into Go value of type (.+)$`,
		title: "The JSON does not fit into `$2`", say: "It is decoded into a `$2`, and it is this: $1.",
		try: []string{"An array is decoded into a slice, an object into a struct or a map."}, more: (*subject).jsonNumber,
	}, {
		topic: "json", types: types("*json.SyntaxError", "*jsontext.SyntacticError"), text: `unexpected end of JSON input`,
		title: "The JSON ends too early", say: "It is empty, or its end is missing.",
		try: []string{"Was the body read before already? It can be read once only.", "Was it cut, by a limit or by whoever sent it?"}, more: (*subject).requestBody,
	}, {
		topic: "json", types: types("*json.SyntaxError", "*jsontext.SyntacticError"), text: `invalid character (.+?) (looking for beginning of value|looking for beginning of object key string|after .+|in .+)$`,
		title: "This is not JSON", say: "There is a $1 that cannot be there: $2.", more: (*subject).jsonCharacter,
	}, {
		topic: "json", types: types("*errors.errorString"), text: `^json: unknown field "([^"]*)"`,
		title: "The JSON has a field `$1`, which Go's type has not", say: "The decoder was told by DisallowUnknownFields to refuse that.",
		try: []string{"Compare the spelling with the `json:\"…\"` tags; or leave DisallowUnknownFields out, so that older programs understand newer clients."},
	}, {
		topic: "json", types: types("*json.UnsupportedTypeError"), text: `json: unsupported type: (.+)$`,
		title: "A `$1` cannot be written as JSON", say: "Channels, functions, complex numbers, and maps whose keys are neither texts nor numbers have no form in JSON.",
		try: []string{"Leave the field out with the tag `json:\"-\"`, or give its type a MarshalJSON."},
	}, {
		topic: "json", types: types("*json.UnsupportedValueError"), text: `json: unsupported value: (.+)$`,
		title: "`$1` cannot be written as JSON", say: "JSON has neither NaN nor infinity, and nothing that contains itself.",
		try: []string{"Look where the number comes from: a division by zero gives infinity or NaN."},
	}, {
		topic: "json", types: types("*json.InvalidUnmarshalError"), text: `json: Unmarshal\((.+)\)`,
		title: "JSON needs a pointer to decode into", say: "It was called with `$1`, into which nothing can be put.",
		try: []string{"Give it the address: `json.Unmarshal(data, &v)`."},
	}, {
		topic: "json call", types: types("*json.MarshalerError"), text: `json: error calling (\w+) for type (\S+): (.+)$`,
		title: "`$1` of `$2` failed", say: "It returned the error: $3.",
	}}
}

func (s *subject) jsonNumber(m []string, e *Explanation) {
	kind, value, _ := strings.Cut(m[1], " ")
	switch typ := m[len(m)-1]; {
	case kind == "number" && value != "":
		e.first(fmt.Sprintf("The number %s does not fit into `%s`: it has a fraction, a sign, or is too large. Take float64, a larger type, or json.Number.", quoted(value), bare(typ)))
	case kind == "string" && (strings.HasPrefix(typ, "int") || strings.HasPrefix(typ, "uint") || strings.HasPrefix(typ, "float")):
		e.first("If the number comes in quotes on purpose, the tag `json:\",string\"` reads it.")
	}
	s.requestBody(m, e)
}

// requestBody tells what the request said about its body, where that is what was decoded.
func (s *subject) requestBody(_ []string, e *Explanation) {
	q := s.f.Request
	if q == nil || q.Header == nil {
		return
	}
	if !slices.ContainsFunc(s.code.lines, func(l problem.Line) bool { return strings.Contains(l.Text, ".Body") }) {
		return
	}
	if typ := q.Header.Get("Content-Type"); typ != "" && !strings.Contains(typ, "json") {
		e.add("The request's Content-Type is " + quoted(typ) + ", which is no JSON.")
	}
	if q.ContentLength == 0 {
		e.add("The request had no body.")
	}
}

func (s *subject) jsonCharacter(m []string, e *Explanation) {
	character, where := m[1], m[2]
	switch {
	case character == "'<'" && strings.HasSuffix(where, "beginning of value"):
		e.Try = append(e.Try, "It begins with `<`, so it is most likely an HTML page: look at the status and the Content-Type of the answer before it is decoded, and at the address.")
	case character == `'\''`:
		e.Try = append(e.Try, "JSON's texts stand in double quotes.")
	case character == "'}'" || character == "']'":
		e.Try = append(e.Try, "Look for a comma before it: JSON allows none behind the last one.")
	case character == "'ï'":
		e.Try = append(e.Try, "It begins with a byte order mark: take the three bytes EF BB BF away.")
	case character == `'\x1f'`:
		e.Try = append(e.Try, "It is compressed by gzip: whoever sets Accept-Encoding has to decompress, too.")
	case strings.HasPrefix(where, "after top-level value"):
		e.Try = append(e.Try, "There is more than one value: a stream of them is read by a json.Decoder in a loop.")
	}
	e.Try = append(e.Try, "Write the first bytes of it to the log.", "If a client sent it, answer 400.")
	s.requestBody(m, e)
}

// parseRules are about texts that are not what a function parses.
func parseRules() []*rule {
	return []*rule{{
		topic: "number", types: []string{"*strconv.NumError"}, text: `strconv\.(\w+): parsing (".*"): invalid syntax$`,
		title: "`$2` is no number", say: "strconv.$1 cannot read `$2`.", more: (*subject).number,
	}, {
		topic: "number", types: []string{"*strconv.NumError"}, text: `strconv\.(\w+): parsing (".*"): value out of range$`,
		title: "`$2` is too large or too small", say: "strconv.$1 read `$2` as a number that does not fit its type.", more: (*subject).number,
	}, {
		topic: "number", types: []string{"*strconv.NumError"}, text: `strconv\.(\w+): parsing (".*"): invalid (base|bit size) (-?\d+)`,
		title: "strconv.$1 has no $3 $4",
	}, {
		topic: "time", types: []string{"*time.ParseError"}, text: `parsing time (".*"): (.*out of range)$`,
		title: "`$1` is no date", say: "The form is right, but there is no such date or time: $2.", more: (*subject).time,
	}, {
		topic: "time", types: []string{"*time.ParseError"}, text: `parsing time (".*"): extra text: (".*")$`,
		title: "`$1` has more than the layout", say: "The time was read, and `$2` is left over.", more: (*subject).time,
	}, {
		topic: "time", types: []string{"*time.ParseError"}, text: `parsing time (".*") as (".*"): cannot parse (".*") as (".*")$`,
		title: "`$1` is not of the form `$2`", say: "Where the layout has `$4`, the text has `$3`.", more: (*subject).time,
		try: []string{"A layout is written as the time 2006-01-02 15:04:05 -0700 would be: 01 is the month, 02 the day, 15 the hour."},
	}, {
		topic: "duration", text: `time: (?:missing unit in|unknown unit (".*") in|invalid) duration (".*)$`,
		title: "`$2` is no duration", say: "A duration is a number with a unit, such as `90s`, `1.5h` or `300ms`.",
	}, {
		topic: "zone", text: `unknown time zone (\S+)`,
		title: "There is no time zone `$1`", say: "The system's time zone database does not have it, or there is none, as in small containers.",
		try: []string{"Link it into the program: `import _ \"time/tzdata\"`."},
	}, {
		topic: "base64", types: []string{"base64.CorruptInputError"}, text: `illegal base64 data at input byte (\d+)`,
		title: "This is not base64 of this kind", say: "Byte $1 cannot be there.",
		try: []string{"There are several kinds: with - and _ it is base64.URLEncoding, without = at the end one of the Raw ones.", "In a query a + turns into a space, if it is not escaped."},
	}, {
		topic: "hex", types: []string{"hex.InvalidByteError"}, text: `encoding/hex: (invalid byte: .+|odd length hex string)$`,
		title: "This is not hexadecimal", say: "$1.",
	}, {
		topic: "url", types: []string{"url.EscapeError"}, text: `invalid URL escape "([^"]*)"`,
		title: "The URL has a broken escape", say: "`$1` is not a percent sign with two hexadecimal digits.",
		try: []string{"A percent sign itself is written %25; make parts of URLs with url.QueryEscape or url.PathEscape."},
	}, {
		topic: "url", types: []string{"*url.Error"}, text: `unsupported protocol scheme "([^"]*)"`,
		title: "The URL has no scheme that the client knows", say: "Its scheme is `$1`; http.Client takes http and https.",
		try: []string{"Write it whole: `https://…`; a setting may be empty or lack the scheme."},
	}, {
		topic: "url", text: `missing protocol scheme|first path segment in URL cannot contain colon|invalid control character in URL|invalid character (".*") in host name|invalid port (".*") after host`,
		title: "The URL cannot be parsed", say: "It is not written as a URL must be.",
		try: []string{"Write its scheme: `http://127.0.0.1:8080`, not `127.0.0.1:8080`; look for spaces and line ends around it."},
	}, {
		topic: "regexp", types: []string{"*syntax.Error"}, text: "error parsing regexp: (.+?): `(.*)`$",
		title: "The regular expression is wrong", say: "$1: `$2`.",
		try: []string{"Go's expressions have no look-ahead and no back-references; quote texts with regexp.QuoteMeta.", "Write it in backquotes, so that backslashes stay."},
	}, {
		topic: "regexp", text: "regexp: Compile\\((.+?)\\): error parsing regexp: (.+?): `(.*)`",
		title: "The regular expression is wrong", say: "$2: `$3`.",
		try: []string{"Go's expressions have no look-ahead and no back-references; quote texts with regexp.QuoteMeta."},
	}, {
		topic: "csv", types: []string{"*csv.ParseError"}, text: `(?:record on line (\d+)|parse error on line (\d+), column (\d+)).*: (wrong number of fields|bare " in non-quoted.field|extraneous or missing " in quoted.field)$`,
		title: "Line $1$2 of the CSV is wrong", say: "$4.",
		try: []string{"Set FieldsPerRecord to -1 if lines may have different lengths, LazyQuotes if quotes are careless, Comma if it is separated by ; or tabs."},
	}, {
		topic: "xml", types: []string{"*xml.SyntaxError"}, text: `XML syntax error on line (\d+): (.+)$`,
		title: "Line $1 of the XML is wrong", say: "$2.",
	}, {
		topic: "mail", text: `mail: (missing '@' or angle-addr|no angle-addr|expected .+|invalid string|missing .+)$`,
		title: "This is no mail address", say: "It cannot be parsed: $1.",
	}, {
		topic: "password length", text: `bcrypt: password length exceeds 72 bytes`,
		title: "The password is too long for bcrypt", say: "bcrypt takes 72 bytes.", try: []string{"Refuse longer ones where people choose them, or use argon2id."},
	}, {
		topic: "uuid", text: `invalid UUID (?:length: (\d+)|format)`,
		title: "This is no UUID", say: "A UUID has 36 characters: `6ba7b810-9dad-11d1-80b4-00c04fd430c8`.", try: []string{"If it comes from an address, answer 404."},
	}, {
		topic: "utf-8", text: `(?i)invalid UTF-?8|not valid UTF-?8|string field contains invalid UTF-8`,
		title: "A text is not UTF-8", say: "It has bytes that are no characters.",
		try: []string{"Ask `utf8.ValidString(s)` where it comes in, or mend it with strings.ToValidUTF8.", "A text that is cut is to be cut between characters: not `s[:n]`."},
	}, {
		topic: "repeat", text: `strings: negative Repeat count|bytes: negative Repeat count`,
		title: "Repeat with a negative count", say: "The count that Repeat was called with is below zero.", try: []string{"Bound it: `max(0, n)`."}, more: (*subject).repeat,
	}, {
		topic: "ticker", text: `non-positive interval for NewTicker`,
		title: "A ticker without an interval", say: "time.NewTicker was called with a duration that is not above zero, perhaps from a setting that is not set.",
	}, {
		topic: "random", text: `invalid argument to (Int\w*|IntN|Perm|Shuffle|N|Uint\w*)`,
		title: "`$1` of nothing", say: "The bound of a random number has to be above zero: the list to choose from may be empty.",
	}}
}

func (s *subject) number(m []string, e *Explanation) {
	text, err := strconv.Unquote(m[2])
	if err != nil {
		return
	}
	if text == "" {
		e.Title = "An empty text is no number"
		e.Text = "strconv." + m[1] + " was called with an empty text."
	}
	s.origin(text, m[2], e, 0, func(name string) bool { return name == "strconv."+m[1] })
	switch {
	case text != strings.TrimSpace(text):
		e.Try = append(e.Try, "There are spaces around it: strings.TrimSpace.")
	case text != "" && strings.Trim(text, "0123456789.,-+") == "" && m[1] == "Atoi":
		e.Try = append(e.Try, "It has a fraction or separators: use strconv.ParseFloat, or take them away.")
	}
	e.Try = append(e.Try, "If it comes from a person, answer 400 and tell what is expected; a parameter that may be missing needs a default.")
}

func (s *subject) time(m []string, e *Explanation) {
	if text, err := strconv.Unquote(m[1]); err == nil {
		s.origin(text, m[1], e, 1, func(name string) bool { return name == "time.Parse" || name == "time.ParseInLocation" })
	}
	e.Try = append(e.Try, "If it comes from a person, answer 400 and tell the form.")
}

// origin tells where a text came from: by the code that parsed it, which takes it as that argument, and by the request.
// literal is the text as a Go literal.
func (s *subject) origin(text, literal string, e *Explanation, which int, isParser func(string) bool) {
	var spots []spot // where the texts stand that may have been it
	told, sure := false, false
	for _, site := range s.sitesOf(isParser) {
		if which >= len(site.args) {
			continue
		}
		a := site.args[which]
		x := site.source(a)
		if lit, is := a.(*ast.BasicLit); is {
			if lit.Value == literal {
				spots, sure = []spot{{site.piece, a}}, true
				break
			}
			continue
		}
		if isPure(a) && isOrdinary(a) {
			is, known := s.truth(x + " == " + literal)
			if known && !is {
				continue
			}
			if is {
				e.add("It is the value of " + quoted(x) + ".")
				spots, told, sure = []spot{{site.piece, a}}, true, true
				break
			}
		}
		spots = append(spots, spot{site.piece, a})
	}
	mark := s.mark(spots)
	if x := s.code.marked(mark); x != "" && !told && !strings.HasPrefix(x, `"`) && !strings.HasPrefix(x, "`") {
		e.add("It most likely comes from " + quoted(x) + ".")
	}
	// What is only likely is marked where the error is dealt with right behind it.
	if mark != nil && (sure || s.f.StackOf == fault.StackWrapped && s.code.lines[s.code.hit].Number-mark.Line <= 2) {
		e.Mark = mark
	}
	q := s.f.Request
	if q == nil || text == "" {
		return
	}
	name := func(values url.Values) string {
		for _, field := range slices.Sorted(maps.Keys(values)) {
			if slices.Contains(values[field], text) {
				return field
			}
		}
		return ""
	}
	u, err := url.ParseRequestURI(q.URL)
	switch {
	case err == nil && name(u.Query()) != "":
		e.add("The request's query has it as " + quoted(name(u.Query())) + ".")
	case name(q.Form) != "":
		e.add("The request's form has it as " + quoted(name(q.Form)) + ".")
	case err == nil && slices.Contains(strings.Split(u.Path, "/"), text):
		e.add("It is a part of the request's path.")
	}
}

func (s *subject) repeat(_ []string, e *Explanation) {
	for _, args := range s.callsOf(func(name string) bool { return strings.HasSuffix(name, ".Repeat") }) {
		if len(args) == 2 {
			e.add(s.sentence(args[1]))
		}
	}
}
