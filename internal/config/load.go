package config

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Load reads the settings from the flags, from the environment through lookup
// (os.LookupEnv) and from the file dotenv, which may be missing; "" means no
// file. The process's environment is not changed.
//
// The error, if any, is an [*Errors] that lists every mistake. The Config is
// then not to be used, except for its Warnings.
func Load(flags Flags, lookup func(string) (string, bool), dotenv string) (Config, error) {
	l := &loader{given: map[string]input{}}
	l.collect(flags, lookup, dotenv)

	l.web()
	l.data()
	l.mail()
	l.logs()

	if len(l.problems) > 0 {
		l.sort()
		return Config{Warnings: l.cfg.Warnings}, &Errors{Problems: l.problems}
	}
	l.cfg.values = l.values()
	return l.cfg, nil
}

// An input is a setting's value before it is understood.
type input struct {
	text   string
	origin Origin
}

// A loader gathers the settings and what is to be said about them.
type loader struct {
	cfg      Config
	settings []Setting
	given    map[string]input // by name; only what is set
	problems []Problem
}

// collect fills l.given from the three sources.
func (l *loader) collect(flags Flags, lookup func(string) (string, bool), dotenv string) {
	l.settings = Settings()
	entries, mode, problems := readDotenv(dotenv)
	l.problems = append(l.problems, problems...)

	file := map[string]entry{}
	for _, e := range entries {
		if earlier, ok := file[e.name]; ok && l.setting(e.name) != nil {
			l.warn("%s stands in %s on line %d and again on line %d; the last one counts.", e.name, dotenv, earlier.line, e.line)
		}
		file[e.name] = e
	}

	readable := false // a secret stands in the file
	for i, s := range l.settings {
		in, ok := input{}, false
		e, inFile := file[s.Name]
		if text, set := flags.value(i); set {
			in, ok = input{text, flagOrigin(s.Flag)}, true
			if s.Secret == SecretAll && text != "" {
				l.warn("%s is given as a flag, where everybody on this machine can read it; the environment or a .env file keeps it private.", s.Name)
			}
		} else if text, set := lookup(s.Name); set && strings.TrimSpace(text) != "" {
			in, ok = input{text, fromEnvironment}, true
		} else if inFile && strings.TrimSpace(e.value) != "" {
			in, ok = input{e.value, lineOrigin(dotenv, e.line)}, true
			readable = readable || s.Secret == SecretAll || s.Secret == SecretURL && redactURL(e.value) != e.value
			if e.open {
				l.warn("%s in %s line %d holds ${…}, which is taken as it is: variables are not expanded.", s.Name, dotenv, e.line)
			}
		}
		if s.Secret != SecretAll {
			in.text = strings.TrimSpace(in.text)
		}
		if !ok || in.text == "" {
			continue
		}
		l.given[s.Name] = in
		switch {
		case !utf8.ValidString(in.text):
			l.wrong(s.Name, "is not UTF-8 text")
			delete(l.given, s.Name)
		case strings.ContainsFunc(in.text, unicode.IsControl):
			l.wrong(s.Name, "has a control character in it, such as the end of a line")
			delete(l.given, s.Name)
		}
	}
	if readable && runtime.GOOS != "windows" && mode&0o004 != 0 {
		l.warn("%s holds a secret and everybody on this machine can read it; chmod 600 %s keeps it private.", dotenv, dotenv)
	}
	for _, e := range entries {
		if name, ok := meant(e.name, l.settings); ok {
			l.warn("%s in %s line %d is no setting; was %s meant?", e.name, dotenv, e.line, name)
		}
	}
}

// setting returns the description of the setting of that name, or nil.
func (l *loader) setting(name string) *Setting {
	i := slices.IndexFunc(l.settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &l.settings[i]
}

// get returns a setting's text, and whether it is set.
func (l *loader) get(name string) (string, bool) {
	in, ok := l.given[name]
	return in.text, ok
}

// wrong adds a mistake in the setting of that name.
func (l *loader) wrong(name, format string, args ...any) {
	s := l.setting(name)
	p := Problem{Setting: name, Origin: notSet, Wrong: fmt.Sprintf(format, args...), Allowed: s.Allowed}
	if in, ok := l.given[name]; ok {
		p.Origin, p.Value = in.origin, show(s.Secret, in.text)
	}
	l.problems = append(l.problems, p)
}

func (l *loader) warn(format string, args ...any) {
	l.cfg.Warnings = append(l.cfg.Warnings, fmt.Sprintf(format, args...))
}

// sort puts the problems in the order of the settings.
func (l *loader) sort() {
	place := func(p Problem) int {
		return slices.IndexFunc(l.settings, func(s Setting) bool { return s.Name == p.Setting })
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int { return place(a) - place(b) })
}

// maxShown is how many characters of a value a message repeats.
const maxShown = 100

// show returns a value as a message may repeat it. A password in a URL is
// masked even in a setting where none belongs.
func show(secret Secrecy, text string) string {
	switch {
	case secret == SecretAll:
		return masked
	case secret == SecretURL || strings.Contains(text, "://"):
		text = redactURL(text)
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	if utf8.RuneCountInString(text) > maxShown {
		text = string([]rune(text)[:maxShown]) + "…"
	}
	return text
}

// path reads a path that must not be a URL.
func (l *loader) path(name, standard string) string {
	text, ok := l.get(name)
	if !ok {
		return standard
	}
	if strings.Contains(text, "://") {
		l.wrong(name, "is a URL, not a path")
	}
	return text
}

// count reads a whole number from low to high.
func (l *loader) count(name string, standard, low, high int) int {
	text, ok := l.get(name)
	if !ok {
		return standard
	}
	n, wrong := parseCount(text, low, high)
	if wrong != "" {
		l.wrong(name, "%s", wrong)
	}
	return n
}

// size reads a number of bytes.
func (l *loader) size(name string, standard int64) int64 {
	text, ok := l.get(name)
	if !ok {
		return standard
	}
	n, wrong := parseSize(text)
	if wrong != "" {
		l.wrong(name, "%s", wrong)
	}
	return n
}

// one reads one of a few words, without regard to case.
func one[T any](l *loader, name string, standard T, words map[string]T) T {
	text, ok := l.get(name)
	if !ok {
		return standard
	}
	v, ok := words[strings.ToLower(text)]
	if !ok {
		l.wrong(name, "is none of the words it may be")
	}
	return v
}

// meant returns the setting that a name in a .env file is probably a slip of.
func meant(name string, settings []Setting) (string, bool) {
	best, distance := "", 3
	upper := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	for _, s := range settings {
		if s.Name == name {
			return "", false
		}
		limit := 2
		if len(s.Name) < 8 {
			limit = 1 // LISTEN and LISTED, but not DATA_DIR and LOG_DIR
		}
		if d := editDistance(upper, s.Name); d <= limit && d < distance {
			best, distance = s.Name, d
		}
	}
	return best, best != ""
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func editDistance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
