package debugapi

import (
	"debug/buildinfo"
	"errors"
	"io/fs"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"example.org/microblog/fault/redact"
)

// Environment is what the version that failed was started with.
type Environment struct {
	Dir       string   // its working directory
	Program   string   // the binary, which may have been removed since
	Arguments []string // without the program
	Variables []string // NAME=VALUE; of several with one name the last counts
	// Redactor returns by which names, beside the usual ones, there are secrets; nil is by none.
	Redactor func() *redact.Redactor
}

const (
	maxVariable  = 4 << 10 // bytes of a value
	maxVariables = 1000    // and of arguments
)

type environmentDocument struct {
	Dir       string         `json:"dir"`
	Program   string         `json:"program"`
	Arguments []string       `json:"arguments"`
	Variables []pair         `json:"variables"`
	Cut       int            `json:"cut,omitempty"` // arguments and variables that were left out
	Build     *buildDocument `json:"build,omitempty"`
	Why       string         `json:"why,omitempty"` // there is no Build
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// buildDocument is what the Go toolchain has noted in a binary.
type buildDocument struct {
	Go       string           `json:"go"`
	Package  string           `json:"package,omitempty"` // that was built
	Settings []pair           `json:"settings"`
	Modules  []moduleDocument `json:"modules"` // the main one first
}

type moduleDocument struct {
	Path     string          `json:"path"`
	Version  string          `json:"version,omitempty"`
	Main     bool            `json:"main,omitempty"`
	Replaced *moduleDocument `json:"replaced_by,omitempty"` // what is in its place; of a directory it has no version
}

func (s *Server) getEnvironment(w http.ResponseWriter, _ *http.Request, e *entry) error {
	env := e.Environment // it is not changed
	if env == nil {
		return unsupported("tell what this version was started with")
	}
	writeJSON(w, http.StatusOK, environmentOf(env))
	return nil
}

// environmentOf is the environment with its secrets masked, and what its binary says of itself.
func environmentOf(env *Environment) environmentDocument {
	variables := variablesIn(env.Variables)
	var names *redact.Redactor // the default ones
	if env.Redactor != nil {
		names = env.Redactor()
	}
	red := redactorOf(names, variables, env.Arguments)
	mask := func(name, value string) string { return shorten(red.Value(name, value), maxVariable) }
	d := environmentDocument{Dir: red.Text(env.Dir), Program: red.Text(env.Program), Arguments: []string{}, Variables: []pair{}}
	for i, argument := range env.Arguments[:min(len(env.Arguments), maxVariables)] {
		name := ""
		if i > 0 {
			name = flagBefore(env.Arguments[i-1], argument)
		}
		d.Arguments = append(d.Arguments, mask(name, argument))
	}
	for _, v := range variables[:min(len(variables), maxVariables)] {
		d.Variables = append(d.Variables, pair{shorten(red.Text(v.Name), maxVariable), mask(v.Name, v.Value)})
	}
	d.Cut = len(env.Arguments) - len(d.Arguments) + len(variables) - len(d.Variables)
	info, err := buildinfo.ReadFile(env.Program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.Why = "The binary of this version has been removed, since nothing needs it any more. How it was built is not known."
	case err != nil:
		d.Why = sentence("How this version was built cannot be read from its binary: " + red.Text(err.Error()))
	default:
		d.Build = buildOf(info, mask)
	}
	return d
}

// variablesIn are the variables by name, without those that others with the same name replace.
func variablesIn(entries []string) []pair {
	var all []pair
	seen := map[string]bool{}
	for _, entry := range slices.Backward(entries) {
		at := strings.IndexByte(entry[min(1, len(entry)):], '=') // Windows has some that begin with one
		if at < 0 {
			continue
		}
		v := pair{entry[:at+1], entry[at+2:]}
		key := v.Name
		if runtime.GOOS == "windows" {
			key = strings.ToUpper(key)
		}
		if !seen[key] {
			seen[key] = true
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b pair) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// redactorOf masks by name, and what has a secret's name wherever else it stands, as in an address that holds the password of another variable.
func redactorOf(names *redact.Redactor, variables []pair, arguments []string) *redact.Redactor {
	var values []string
	for _, v := range variables {
		if names.IsSecretKey(v.Name) && !ofDesktop(v.Name) {
			values = append(values, v.Value)
		}
	}
	for i, argument := range arguments {
		if i > 0 && names.IsSecretKey(flagBefore(arguments[i-1], argument)) {
			values = append(values, argument)
		} else if name, value, ok := strings.Cut(argument, "="); ok && names.IsSecretKey(name) {
			values = append(values, value)
		}
	}
	return names.With(values...)
}

// ofDesktop tells the variables that name a session of a desktop. Their values are everyday words, such as the name of a user.
func ofDesktop(name string) bool {
	return strings.HasPrefix(name, "XDG_") || name == "DESKTOP_SESSION" || name == "GDMSESSION" || name == "SESSION_MANAGER"
}

// flagBefore is the name of the flag that an argument is the value of, as far as can be told: "" is none.
func flagBefore(before, argument string) string {
	if !strings.HasPrefix(before, "-") || strings.Contains(before, "=") || strings.HasPrefix(argument, "-") {
		return ""
	}
	return strings.TrimLeft(before, "-")
}

func buildOf(info *debug.BuildInfo, mask func(name, value string) string) *buildDocument {
	d := &buildDocument{Go: info.GoVersion, Package: info.Path, Settings: []pair{}, Modules: []moduleDocument{}}
	for _, s := range info.Settings {
		d.Settings = append(d.Settings, pair{s.Key, mask(s.Key, s.Value)})
	}
	if info.Main.Path != "" {
		main := moduleOf(&info.Main)
		main.Main = true
		d.Modules = append(d.Modules, *main)
	}
	for _, m := range info.Deps {
		d.Modules = append(d.Modules, *moduleOf(m))
	}
	return d
}

func moduleOf(m *debug.Module) *moduleDocument {
	d := &moduleDocument{Path: m.Path, Version: m.Version}
	if m.Replace != nil {
		d.Replaced = moduleOf(m.Replace)
	}
	return d
}
