package supervisor

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/link"
)

// dotenv is the file of settings that many applications read from their working directory.
const dotenv = ".env"

// settings are what the environment, or else the file .env, says. The file is looked at for the few names that
// `fault run` heeds; to read it is the application's business.
type settings struct {
	env  []string
	file map[string]string
}

func readSettings(dir string, env []string) settings {
	s := settings{env: env}
	text, err := os.ReadFile(filepath.Join(dir, dotenv))
	if err == nil {
		s.file = assignments(text)
	}
	return s
}

// get returns the value of a setting, "" if it is not set. As in most applications, an empty one is none.
func (s settings) get(name string) string {
	if value := lookup(s.env, name); value != "" {
		return value
	}
	return s.file[name]
}

func lookup(env []string, name string) string {
	for _, entry := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// assignments reads lines of the form NAME=VALUE, with "export" before and quotes around the value as they may be. What is
// more intricate is kept as it stands.
func assignments(text []byte) map[string]string {
	values := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if rest, ok := strings.CutPrefix(line, "export "); ok {
			line = strings.TrimSpace(rest)
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t#'\"") {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') {
			if end := strings.IndexByte(value[1:], value[0]); end >= 0 {
				value = value[1 : 1+end]
			}
		} else if comment := strings.Index(value, " #"); comment >= 0 {
			value = strings.TrimSpace(value[:comment])
		}
		values[name] = value
	}
	return values
}

// publicAddress is where the supervisor listens: what was asked for, else LISTEN, else PORT. from names the source, for
// messages.
func publicAddress(asked string, s settings) (address, from string) {
	if asked != "" {
		return asked, ""
	}
	if listen := s.get("LISTEN"); listen != "" {
		if strings.HasPrefix(listen, ":") { // an application takes it for all interfaces; here that has to be asked for
			return "127.0.0.1" + listen, "LISTEN"
		}
		return listen, "LISTEN"
	}
	if port := s.get("PORT"); port != "" {
		return net.JoinHostPort("127.0.0.1", strings.TrimPrefix(port, ":")), "PORT"
	}
	return DefaultListen, ""
}

// filled puts the private address into a text: {addr}, {host} and {port}.
func filled(text, address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return text
	}
	return strings.NewReplacer("{addr}", address, "{host}", host, "{port}", port).Replace(text)
}

// rareCollection is the GOGC of an application with the debugger. A variable that its function does not use any more can be shown
// only if nothing was collected since the request began; so it is seldom, until the garbage takes a fair share of the memory.
const (
	rareCollection = "1000"
	garbageShare   = 2 // GOMEMLIMIT is the memory that there is through this
)

// environment is what the application gets: ours, then its private address, the way to reach us, and the settings
// of the command line.
func (s *supervisor) environment(address, socket string) ([]string, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	env := slices.Clone(s.env)
	env = append(env, "LISTEN="+address, "PORT="+port, fault.SupervisorVariable+"="+socket)
	if readSettings(s.options.Dir, append(slices.Clip(s.env), s.options.Env...)).get("MAIL_SERVER") == "" {
		env = append(env, s.mailSettings...)
	}
	if s.debugger != nil {
		env = append(env, link.CopiesVariable+"="+strconv.Itoa(os.Getpid()))
		if lookup(env, "GOGC") == "" {
			env = append(env, "GOGC="+rareCollection)
			if memory := memoryAllowed(os.DirFS("/")); memory > 0 && lookup(env, "GOMEMLIMIT") == "" {
				env = append(env, "GOMEMLIMIT="+strconv.FormatInt(memory/garbageShare, 10))
			}
		}
	}
	for _, entry := range s.options.Env {
		env = append(env, filled(entry, address))
	}
	return env, nil
}
