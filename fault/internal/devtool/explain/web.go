package explain

import (
	"fmt"
	"regexp"
	"strings"
)

// superfluous is what net/http logs.
var superfluous = regexp.MustCompile(`superfluous response\.WriteHeader call(?: from (\S+ \([^)]*\)))?`)

var superfluousTry = []string{
	"Return right after an error was answered: http.Error does not end the handler.",
	"Set the status before anything is written; the first Write sends 200.",
}

// templateRules are about text/template and html/template.
func templateRules() []*rule {
	const place = `template: ([^:]+):(\d+)(?::(\d+))?: `
	exec := []string{"template.ExecError", "*template.Error"}
	all := []*rule{{
		topic: "template", text: place + `.*can't evaluate field (\S+) in type (.+)$`,
		title: "The template asks for `.$4`, which is not there",
		say:   "Line $2 of the template `$1` takes `$4` of a `$5`, which has no exported field and no method of that name.",
		try:   []string{"Compare the spelling with the fields of `$5`; case counts, and only names that begin with a capital letter are seen.", "Within `range` and `with` the dot is something else: `$$.$4` begins at what the template was given."},
		more:  (*subject).templateField,
	}, {
		topic: "template", text: place + `.*: (\S+) is an unexported field of struct type (.+)$`,
		title: "The field `$4` is not exported", say: "Line $2 of the template `$1` takes `$4` of a `$5`. Templates see only fields whose names begin with a capital letter.",
		try: []string{"Begin its name with a capital letter, or give `$5` a method that returns it."},
	}, {
		topic: "template", text: place + `.*nil pointer evaluating (\S+)\.(\w+)$`,
		title: "The template takes `.$5` of nil", say: "Line $2 of the template `$1` takes `$5` of a `$4` that is nil.",
		try: []string{"Ask in the template before: `{{with …}}` or `{{if …}}`.", "Or fill it in where the data is made."},
	}, {
		topic: "template", text: place + `.*(?:nil data; no entry for key|map has no entry for key) "([^"]*)"`,
		title: "The template's data has no `$4`", say: "Line $2 of the template `$1` takes the entry `$4` of a map that does not have it.",
		try: []string{"Put it into the map where the data is made.", "Whether a missing key is an error is set by the template's Option(\"missingkey=…\")."},
	}, {
		topic: "template", text: place + `.*function "([^"]*)" not defined`,
		title: "The template calls `$4`, which is no function", say: "Line $2 of the template `$1` uses a function `$4` that was not given to it before it was parsed.",
		try: []string{"Call Funcs with it before Parse: `template.New(name).Funcs(funcs).ParseFS(…)`.", "If it is a field, it needs a dot: `.$4`."},
	}, {
		topic: "template", text: place + `.*(?:template|no such template) "([^"]*)"(?: not defined)?$`,
		title: "There is no template `$4`", say: "Line $2 of the template `$1` asks for the template `$4`, which none of the parsed files defines.",
		try: []string{"Parse the file that defines it together with this one.", "A file is called by its name without its directory: `{{template \"base.html\" .}}`."},
	}, {
		topic: "template", types: []string{}, text: `html/template: "([^"]*)" is undefined|template: no template "([^"]*)" associated with template`,
		title: "There is no template `$1$2`", say: "ExecuteTemplate was called with the name `$1$2`, which none of the parsed files has or defines.",
		try: []string{"A file is called by its name without its directory; `{{define \"…\"}}` gives another name.", "Look at what there is: `t.DefinedTemplates()`."},
	}, {
		topic: "template", text: `html/template:([^:]+):(\d+)(?::\d+)?: no such template "([^"]*)"`,
		title: "There is no template `$3`", say: "Line $2 of the template `$1` asks for the template `$3`, which none of the parsed files defines.",
		try: []string{"Parse the file that defines it together with this one.", "A file is called by its name without its directory."},
	}, {
		topic: "template", types: []string{}, text: "template: pattern matches no files: `(.*)`|template: no files named in call to (Parse\\w+)",
		title: "No template file was found", say: "`$1$2` found no file.",
		try: []string{"A relative path begins at the directory in which the process was started, not at that of the source.",
			"In an fs.FS, such as an embed.FS, it begins with the directory that is embedded: `templates/*.html`."},
	}, {
		topic: "template", text: `template: "?([^":]+)"? is an incomplete or empty template`,
		title: "The template `$1` is empty", say: "Nothing was parsed under the name `$1`.",
		try: []string{"template.New(name) and the name of the parsed file have to be the same, or call ExecuteTemplate with the file's name."},
	}, {
		topic: "template", text: place + `.*range can't iterate over (.*)$`,
		title: "The template ranges over what is no list", say: "Line $2 of the template `$1` ranges over `$4`.",
		try: []string{"`range` takes slices, arrays, maps, channels, integers and functions that yield; for one value write `with`."},
	}, {
		topic: "template", text: place + `.*wrong type for value; expected (\S.*); got (.+)$`,
		title: "The template passes a `$5` for a `$4`", say: "Line $2 of the template `$1` calls something that takes a `$4`, with a `$5`.",
		try: []string{"Change the parameter's type, or convert the value where the data is made."},
	}, {
		topic: "template", text: place + `.*wrong number of args for (\S+): want (.+) got (\d+)`,
		title: "`$4` is called with $6 arguments", say: "Line $2 of the template `$1` calls `$4`, which takes $5.",
		try: []string{"Arguments stand behind the name, with spaces between them; a pipe adds its value as the last one."},
	}, {
		topic: "template", text: place + `.*incompatible types for comparison|` + place + `.*(?:invalid type for|missing argument for|non-comparable type)`,
		title: "The template compares what cannot be compared", say: "Line $2$5 of the template `$1$4` compares values of different kinds, such as an int and a string.",
		try: []string{"`eq` wants two of the same basic kind: a literal `1` is an int, `\"1\"` is a string."},
	}, {
		topic: "template", text: `html/template:([^:]*)(?::(\d+))?.*(?:ends in a non-text context|in unquoted attr|appears in an ambiguous context|on range loop re-entry|branches end in different contexts|in attribute name)`,
		title: "html/template cannot tell how to escape", say: "At the place named in the message it is not clear whether it is text, an attribute or a script.",
		try: []string{"Put attributes in quotes and close every tag.", "Let the branches of an `if` open and close the same things."},
	}, {
		topic: "template", text: `cannot (Parse|Clone|AddParseTree)(?: \S+)? after (?:\S+ has )?[Ee]xecuted?`,
		title: "The template was used before it was complete", say: "html/template allows no $1 once a template has been executed.",
		try: []string{"Parse everything first, and Clone before the first Execute."},
	}, {
		topic: "template", text: place + `.*(?:unexpected|unclosed action|unterminated|bad character|undefined variable|missing value|illegal number|multiple definition)`,
		title: "The template cannot be parsed", say: "Line $2 of the template `$1` is not as it must be.",
		try: []string{"Look at the `{{` and `}}` of this line, and whether each `if`, `range`, `with`, `block` and `define` has its `{{end}}`."},
	}, {
		topic: "template call", text: place + `.*error calling (\S+): (.+)$`,
		title: "`$4` failed in a template", say: "Line $2 of the template `$1` calls `$4`, which returned an error or panicked.",
	}}
	for _, r := range all {
		if r.types == nil {
			r.types = exec
		}
		if len(r.types) == 0 {
			r.types = []string{"*errors.errorString"}
		}
	}
	return all
}

func (s *subject) templateField(m []string, e *Explanation) {
	if field := m[4]; field != "" && strings.ToUpper(field[:1]) != field[:1] {
		e.first(fmt.Sprintf("Write it with a capital letter, there and in the template: `%s%s`.", strings.ToUpper(field[:1]), bare(field[1:])))
	}
	if strings.HasPrefix(m[5], "[]") || strings.HasPrefix(m[5], "map[") {
		e.first(fmt.Sprintf("`%s` is a collection: range over it, or take one with `index`.", bare(m[5])))
	}
}

// httpRules are about net/http and what reads its requests.
func httpRules() []*rule {
	return []*rule{{
		topic: "superfluous", text: superfluous.String(),
		title: "The status was set twice", say: "WriteHeader was called, or something was written, when the status had been sent already; the second one was ignored.",
		try: superfluousTry,
	}, {
		topic: "body size", types: []string{"*http.MaxBytesError"}, text: `http: request body too large`,
		title: "The request's body is too large", say: "It is longer than http.MaxBytesReader allowed here.", more: (*subject).bodySize,
		try: []string{"Answer it as 413, or raise the limit where the reader is made."},
	}, {
		topic: "body size", text: `multipart: message too large`,
		title: "The form is too large", say: "What the fields of the form hold, without its files, is more than ParseMultipartForm keeps in memory and 10 MB.",
		try: []string{"Send large things as files, or read the parts one by one: `r.MultipartReader()`."},
	}, {
		topic: "content type", text: `request Content-Type isn't multipart/form-data`,
		title: "The form did not come as multipart/form-data", say: "Files come with that type of body only.", more: (*subject).contentType,
		try: []string{"The form needs `method=\"post\" enctype=\"multipart/form-data\"`.", "A script sends a FormData without setting Content-Type itself."},
	}, {
		topic: "content type", text: `no multipart boundary param in Content-Type`,
		title: "The request's Content-Type lacks its boundary", say: "A body of multipart/form-data can be read only with the boundary that its Content-Type names.", more: (*subject).contentType,
		try: []string{"Let the browser set Content-Type: it adds the boundary; fetch with a FormData must not set it."},
	}, {
		topic: "content type", text: `mime: (?:no media type|invalid media parameter|expected slash after first token|duplicate parameter name|expected token after slash|unexpected content after media subtype)`,
		title: "The Content-Type cannot be read", say: "A media type, such as that of the request's Content-Type header, is not written as it must be.", more: (*subject).contentType,
	}, {
		topic: "no file", text: `http: no such file$`,
		title: "The form has no such file", say: "The request has no file under the name that FormFile was called with.",
		try:  []string{"Compare the name with that of the form's `<input type=\"file\" name=…>`.", "The form needs `enctype=\"multipart/form-data\"`.", "A file that need not be there gives http.ErrMissingFile, for errors.Is."},
		more: (*subject).sentFiles,
	}, {
		topic: "no cookie", text: `http: named cookie not present`,
		title: "The request has no such cookie", say: "The browser did not send it: it was never set, is over, or is of another path, host or scheme.",
		try: []string{"Handle its absence: `errors.Is(err, http.ErrNoCookie)`.", "A Secure cookie is not sent over http:// but to localhost; SameSite=Strict not from other sites."},
	}, {
		topic: "no body", text: `http: request method or response status code does not allow body`,
		title: "This answer may have no body", say: "An answer to HEAD, and those with the status 1xx, 204 and 304, have none.",
		try: []string{"Write nothing after such a status."},
	}, {
		topic: "content length", text: `http: wrote more than the declared Content-Length`,
		title: "More was written than Content-Length told", say: "The handler set the header Content-Length and wrote more than that.",
		try: []string{"Do not set it, net/http counts by itself; or count bytes and not characters."},
	}, {
		topic: "hijacked", text: `http: (?:connection has been hijacked|response\.\w+ on hijacked connection)`,
		title: "The connection was taken over", say: "After Hijack, or an upgrade to a WebSocket, the ResponseWriter cannot be used any more.",
		try: []string{"Return from the handler without writing to it."},
	}, {
		topic: "read after close", text: `http: invalid Read on closed Body|http: read on closed response body`,
		title: "A body was read after it was closed", say: "A request's body ends with its handler, and a response's with Close.",
		try: []string{"Read it all before; what goes on after the handler gets what it needs as a copy."},
	}, {
		topic: "redirects", text: `stopped after (\d+) redirects`,
		title: "The redirects go round in a circle", say: "The client gave up after $1 redirects.",
		try: []string{"Look at them with `curl -iL`; often a login page, or http and https, send to each other."},
	}, {
		topic: "patterns", text: `pattern "([^"]+)" \(registered at ([^)]+)\) conflicts with pattern "([^"]+)"(?: \(registered at ([^)]+)\))?`,
		title: "Two routes conflict", say: "`$1` (`$2`) and `$3` (`$4`) both match some requests, and neither is more special than the other.",
		try: []string{"Give them the same method, or make one of them more special; equal patterns can be registered once only."},
	}, {
		topic: "patterns", wraps: true, text: `(?:^|: )parsing "([^"]+)": (at offset \d+: .+|.*method.*|.*wildcard.*|.*host.*)$`,
		title: "`$1` is no pattern of a ServeMux", say: "$2.",
		try: []string{"A pattern is `[METHOD ][HOST]/PATH`; a wildcard is a whole segment: `/user/{name}`, and `{rest...}` at the end."},
	}, {
		topic: "status", text: `invalid WriteHeader code (-?\d+)`,
		title: "$1 is no status", say: "WriteHeader takes three digits, from 100 on.", try: []string{"A variable that holds the status may not be set."},
	}, {
		topic: "not supported", types: []string{"*http.ProtocolError"}, text: `feature not supported`,
		title: "The ResponseWriter cannot do that", say: "Flush, Hijack, a deadline or the like was asked of one that does not have it, most often because a middleware has wrapped it.",
		try: []string{"Give the middleware's type a method `Unwrap() http.ResponseWriter`, and use `http.NewResponseController(w)`.", "HTTP/2 has no Hijack."},
	}, {
		topic: "request URI", text: `http: Request\.RequestURI can't be set in client requests`,
		title: "A server's request was sent by a client", say: "The request that a handler got is not one that a client can send.",
		try: []string{"Make a new one with http.NewRequestWithContext, or use httputil.ReverseProxy."},
	}, {
		topic: "header", text: `net/http: invalid header field (name|value for) ?(.*)$`,
		title: "A header cannot be sent", say: "The $1 `$2` has characters that may not stand there, such as a line end.",
		try: []string{"A token that was read from a file ends in a line end, as a rule: strings.TrimSpace.", "Names have neither spaces nor colons."},
	}, {
		topic: "content length", text: `http: ContentLength=(\d+) with (?:Body length (\d+)|nil Body)`,
		title: "The body has another length than was told", say: "Content-Length says $1 bytes.",
		try: []string{"Was the body read before already? Make it anew for each request: `bytes.NewReader(data)`.", "http.NewRequest sets the length by itself."},
	}, {
		topic: "malformed", text: `malformed HTTP (?:response|version|status code|request) "(.*)"`,
		title: "The other end does not speak HTTP", say: "It answered with this: `$1`.",
		try: []string{"`\\x15\\x03` at the beginning is TLS: write https://. Else it may be another port than the one that was meant."},
	}, {
		topic: "location", text: `http: no Location header in response`,
		title: "The answer leads nowhere", say: "It was asked for its Location header, which it does not have.", try: []string{"Look at its status first."},
	}, {
		topic: "patterns", text: `http: multiple registrations for (.+)$`,
		title: "The route `$1` was registered twice", say: "A ServeMux takes each pattern once only.", try: []string{"Register it once."},
	}}
}

func (s *subject) bodySize(_ []string, e *Explanation) {
	if q := s.f.Request; q != nil && q.ContentLength > 0 {
		e.add(fmt.Sprintf("It has %d bytes.", q.ContentLength))
	}
	for _, args := range s.callsOf(func(name string) bool { return name == "http.MaxBytesReader" }) {
		if len(args) == 3 {
			e.add(fmt.Sprintf("The limit is `%s`.", bare(args[2])))
		}
	}
}

func (s *subject) contentType(_ []string, e *Explanation) {
	q := s.f.Request
	switch {
	case q == nil || q.Header == nil:
	case q.Header.Get("Content-Type") == "":
		e.add("The request has no Content-Type.")
	default:
		e.add("The request's Content-Type is " + quoted(q.Header.Get("Content-Type")) + ".")
	}
}

func (s *subject) sentFiles(_ []string, e *Explanation) {
	if q := s.f.Request; q != nil && len(q.Files) > 0 {
		var names []string
		for _, f := range q.Files {
			if name := quoted(f.Field); !contains(names, name) && len(names) < 6 {
				names = append(names, name)
			}
		}
		e.add("It has files under " + list(names) + ".")
	}
}
