package config_test

import (
	"strings"
	"testing"

	"example.org/microblog/internal/config"
)

// accepted and refused are the values each setting must take and must not.
// What stands with a refused one is a part of the reason that must be told.
var accepted = map[string][]string{
	"LISTEN":          {"127.0.0.1:5000", ":0", "localhost:80", "[::1]:5000", "[fe80::1%eth0]:1", "unix:/run/blog.sock", "unix:///run/blog.sock", "unix:blog.sock", "blog_1.internal:65535"},
	"BASE_URL":        {"http://localhost:5000", "https://blog.example.org", "https://blog.example.org/", "http://[::1]:8080", "http://192.0.2.1"},
	"TRUSTED_PROXIES": {"127.0.0.1", "10.0.0.0/8,", "::1, fd00::/8", "0.0.0.0/0"},
	"DATA_DIR":        {"data", "/var/lib/microblog", "with space", "../x"},
	"DATABASE_URL": {"sqlite:blog.db", "SQLite:/var/lib/blog.db", "sqlite:with space.db", "postgres://db/blog", "postgresql://ann:pw@db:5432/blog?sslmode=verify-full",
		"postgres:///blog?host=/run/postgresql", "postgres://ann:p%40%2F%23@db/blog", "postgres://ann@[::1]:5432/blog"},
	"SECRET_KEY":       {"0123456789abcdef", "sechzehn Zeichen äöü"},
	"MAIL_SERVER":      {"localhost", "mail.example.org", "192.0.2.1", "::1", "[::1]"},
	"MAIL_PORT":        {"1", "25", "65535"},
	"MAIL_USE_TLS":     {"0", "1", "true", "False", "STARTTLS", "implicit", "off", "on", "yes", "no"},
	"MAIL_USERNAME":    {"ann", "ann@example.org"},
	"MAIL_PASSWORD":    {"x", " spaces stay ", `pa$WORD"'#`},
	"MAIL_FROM":        {"blog@example.org", "Microblog <blog@example.org>", `"Blog, the" <blog@example.org>`},
	"ADMINS":           {"ann@example.org", "ann@example.org,bob@example.org", " ann@example.org , ", `"Doe, J" <j@example.org>, bob@example.org`, `" 0"@example.org`},
	"LOG_DIR":          {"logs", "/var/log/microblog"},
	"LOG_MAX_BYTES":    {"0", "1", "10240", "10KiB", "1 MiB", "2gib"},
	"LOG_BACKUPS":      {"0", "10", "1000"},
	"LOG_FORMAT":       {"text", "JSON"},
	"LOG_LEVEL":        {"debug", "INFO", "warning", "warn", "error", "critical"},
	"LOG_TO_STDOUT":    {"auto", "1", "0", "yes", "No"},
	"ACCESS_LOG":       {"off", "stdout", "logs/access.log", "microblog.log", "logs/microblog.log.old"},
	"ACCESS_MAX_BYTES": {"0", "10485760"},
	"ACCESS_BACKUPS":   {"0", "5"},
}

var refused = map[string]map[string]string{
	"LISTEN": {
		"5000": "colon", "127.0.0.1": "no port", "localhost": "no port", "::1": "brackets", "::1:5000": "brackets", "[::1]": "no port",
		"host:http": "not a whole number", "host:65536": "0 to 65535", "host:": "empty", "http://localhost:5000": "URL",
		"unix:": "no path", "unix://x/y": "two slashes", "unix:/run/": "slash", "300.1.1.1:80": "IPv4", "a b:80": `' '`, "-x:80": "hyphen", "a..b:80": "empty part",
		"unix:/" + strings.Repeat("x", 200): "bytes", "[fe80::1%a b]:1": "zone", "host:\x00": "control character", "host:\xff1": "UTF-8",
	},
	"BASE_URL": {
		"blog.example.org": "http", "ftp://blog.example.org": "http", "https://": "no host", "https://a/b": "path", "https://a?x=1": "after the host",
		"https://a#x": "after the host", "https://ann:pw@a": "user", "https://a:0": "1 to 65535", "https://a:x": "not a URL", "https://exämple.org": "xn--", "https://a:": "colon", "http://[fe80::1%25eth0]": "this machine",
	},
	"TRUSTED_PROXIES": {"localhost": "IP address", "10.0.0.0/33": "network", "10.0.0.1/8": "10.0.0.0/8", "fe80::1%eth0": "zone", "10.0.0.1 10.0.0.2": "IP address"},
	"DATA_DIR":        {"file:///data": "URL"},
	"DATABASE_URL": {
		"blog.db": "begin", "mysql://a/b": "begin", "sqlite:": "no path", "sqlite:///blog.db": "two slashes", "sqlite::memory:": "memory", "sqlite:a.db?x=1": "options", "sqlite:file:a.db": "options", "sqlite:d/": "slash", "sqlite:postgres://ann:pw@db/blog": "another database",
		"postgres:db/blog": "//", "postgres:///blog": "no host", "postgres://db": "no database", "postgres://db/": "no database", "postgres://ann:p%@db/blog": "percent-encoded",
		"postgres://ann:pa/ss@db/blog": "", "postgres://ann:p#w@db/blog": "", "postgres://db:0/blog": "port", "postgres://db/blog?sslmode=on": "sslmode", "postgres://db/a/b": "slash",
		"postgres://db/blog?a=%": "after the ?",
	},
	"SECRET_KEY":       {"short": "5 characters", "aaaaaaaaaaaaaaaaaaaa": "repeated", "you-will-never-guess": "tutorial", "fifteen chars ä": "15 characters"},
	"MAIL_SERVER":      {"mail.example.org:587": "MAIL_PORT=587", "smtp://mail.example.org": "URL", "mail example": `' '`, "[::1]:25": "IPv6"},
	"MAIL_PORT":        {"0": "1 to 65535", "65536": "1 to 65535", "smtp": "whole number", "-1": "whole number", "25.0": "whole number", "99999999999999999999": "1 to 65535"},
	"MAIL_USE_TLS":     {"ssl": "none of the words", "2": "none of the words"},
	"MAIL_USERNAME":    {"ann\nbob": "control character"},
	"MAIL_PASSWORD":    {"x\r": "control character"},
	"MAIL_FROM":        {"blog": "e-mail", "a@example.org, b@example.org": "e-mail", "@example.org": "e-mail", "=?utf-8?q?a=0Ab?= <a@example.org>": "e-mail"},
	"ADMINS":           {"ann": `"ann"`, "ann@example.org, bob": `"bob"`, ",": "no address", "ann@": `"ann@"`, "=?utf-8?q?a=0Ab?= <a@example.org>": "e-mail", "ann@example.org bob@example.org": "e-mail"},
	"LOG_DIR":          {"http://logs": "URL"},
	"LOG_MAX_BYTES":    {"-1": "size", "10k": `"k"`, "10MB": `"mb"`, "1.5MiB": `".5"`, "KiB": "size", "9223372036854775808": "too large", "9007199254740992KiB": "too large"},
	"LOG_BACKUPS":      {"-1": "whole number", "1001": "0 to 1000", "ten": "whole number"},
	"LOG_FORMAT":       {"xml": "none of the words"},
	"LOG_LEVEL":        {"loud": "none of the words"},
	"LOG_TO_STDOUT":    {"maybe": "none of the words"},
	"ACCESS_LOG":       {"on": "./", "logs/": "slash", "file:///x": "URL", "logs/microblog.log": "itself", "logs/../logs/microblog.log.3": "itself"},
	"ACCESS_MAX_BYTES": {"1e6": `"e6"`},
	"ACCESS_BACKUPS":   {"5.5": "whole number"},
}

// with returns variables in which the named one is set and the others do not
// make for mistakes of their own.
func with(name, value string) map[string]string {
	vars := map[string]string{name: value}
	if name == "MAIL_SERVER" || name == "MAIL_FROM" {
		vars["ADMINS"] = "ann@example.org"
	}
	return vars
}

func TestAcceptedValues(t *testing.T) {
	t.Parallel()
	for _, s := range config.Settings() {
		if len(accepted[s.Name]) == 0 {
			t.Errorf("no accepted values of %s are tested", s.Name)
		}
		for _, value := range accepted[s.Name] {
			if _, err := load(t, nil, with(s.Name, value), ""); err != nil {
				t.Errorf("%s=%q is refused: %v", s.Name, value, err)
			}
		}
	}
}

func TestRefusedValues(t *testing.T) {
	t.Parallel()
	for _, s := range config.Settings() {
		if len(refused[s.Name]) == 0 {
			t.Errorf("no refused values of %s are tested", s.Name)
		}
		for value, reason := range refused[s.Name] {
			_, err := load(t, nil, with(s.Name, value), "")
			if err == nil {
				t.Errorf("%s=%q is accepted", s.Name, value)
				continue
			}
			all := problems(t, err)
			if p := all[0]; len(all) != 1 || p.Setting != s.Name || p.Allowed != s.Allowed || !strings.Contains(p.Wrong, reason) {
				t.Errorf("%s=%q is refused with\n%v\nwant one mistake in it whose reason contains %q", s.Name, value, err, reason)
			}
			if line := err.Error(); strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
				t.Errorf("%s=%q is refused with control characters: %q", s.Name, value, line)
			}
		}
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		vars map[string]string
		tls  config.TLSMode
		port int
		from string
	}{
		{"plain", nil, config.TLSOff, 25, "no-reply@mail.example.org"},
		{"the origin's switch", map[string]string{"MAIL_USE_TLS": "1", "MAIL_PORT": "587"}, config.TLSStart, 587, "no-reply@mail.example.org"},
		{"implicit has its own port", map[string]string{"MAIL_USE_TLS": "implicit"}, config.TLSImplicit, 465, "no-reply@mail.example.org"},
		{"user name is an address", map[string]string{"MAIL_USERNAME": "ann@example.net", "MAIL_PASSWORD": "x", "MAIL_USE_TLS": "1"}, config.TLSStart, 25, "ann@example.net"},
		{"user name is none", map[string]string{"MAIL_USERNAME": "ann", "MAIL_PASSWORD": "x", "MAIL_USE_TLS": "1"}, config.TLSStart, 25, "no-reply@mail.example.org"},
		{"sender given", map[string]string{"MAIL_FROM": "Blog <b@example.net>"}, config.TLSOff, 25, "b@example.net"},
		{"server by number", map[string]string{"MAIL_SERVER": "192.0.2.1"}, config.TLSOff, 25, "no-reply@[192.0.2.1]"},
		{"server by number, IPv6", map[string]string{"MAIL_SERVER": "[2001:db8::1]"}, config.TLSOff, 25, "no-reply@[IPv6:2001:db8::1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vars := map[string]string{"MAIL_SERVER": "mail.example.org", "ADMINS": "Ann <ann@example.org>, bob@example.org, ANN@example.org"}
			for k, v := range tt.vars {
				vars[k] = v
			}
			cfg := mustLoad(t, vars)
			m := cfg.Mail
			if !m.Enabled() || m.TLS != tt.tls || m.Port != tt.port || m.From.Address != tt.from {
				t.Errorf("Mail = %+v, want %s at port %d from %s", m, tt.tls, tt.port, tt.from)
			}
			if len(cfg.Admins) != 2 || cfg.Admins[0].Name != "Ann" || cfg.Admins[1].Address != "bob@example.org" {
				t.Errorf("Admins = %v, want Ann and bob once each", cfg.Admins)
			}
			if len(cfg.Warnings) != 0 {
				t.Errorf("warnings: %q", cfg.Warnings)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	mail := func(more ...string) map[string]string {
		vars := map[string]string{"MAIL_SERVER": "mail.example.org", "ADMINS": "ann@example.org"}
		for i := 0; i < len(more); i += 2 {
			vars[more[i]] = more[i+1]
		}
		return vars
	}
	tests := []struct {
		name   string
		args   []string
		vars   map[string]string
		dotenv string
		want   []string // a part of each warning
	}{
		{name: "port 465 and not implicit", vars: mail("MAIL_PORT", "465", "MAIL_USE_TLS", "1"), want: []string{"MAIL_USE_TLS=implicit"}},
		{name: "implicit at 587", vars: mail("MAIL_PORT", "587", "MAIL_USE_TLS", "implicit"), want: []string{"starttls"}},
		{name: "user without password", vars: mail("MAIL_USERNAME", "ann"), want: []string{"without MAIL_PASSWORD"}},
		{name: "password without user", vars: mail("MAIL_PASSWORD", "x"), want: []string{"without MAIL_USERNAME"}},
		{name: "password in the clear", vars: mail("MAIL_USERNAME", "ann", "MAIL_PASSWORD", "x"), want: []string{"unencrypted"}},
		{name: "password in the clear on this machine", vars: mail("MAIL_SERVER", "localhost", "MAIL_USERNAME", "ann", "MAIL_PASSWORD", "x")},
		{name: "mail settings without a server", vars: map[string]string{"MAIL_PORT": "25", "MAIL_FROM": "a@b.example"}, want: []string{"MAIL_PORT, MAIL_FROM"}},
		{name: "administrators without a server", vars: map[string]string{"ADMINS": "ann@example.org"}, want: []string{"nobody gets"}},
		{name: "everybody is a proxy", vars: map[string]string{"TRUSTED_PROXIES": "::/0"}, want: []string{"pretend"}},
		{name: "https without a proxy", vars: map[string]string{"BASE_URL": "https://blog.example.org"}, want: []string{"TRUSTED_PROXIES"}},
		{name: "https with a proxy", vars: map[string]string{"BASE_URL": "https://blog.example.org", "TRUSTED_PROXIES": "127.0.0.1"}},
		{name: "secret on the command line", args: []string{"--secret-key=0123456789abcdef"}, want: []string{"SECRET_KEY is given as a flag"}},
		{name: "key with a space at its end", vars: map[string]string{"SECRET_KEY": "0123456789abcdef "}, want: []string{"space"}},
		{name: "a slip in .env", dotenv: "LISTEM=:80\nLogDir=x\nlog_dir=x\nSECRETKEY=0123456789abcdef\nMAIL_SEVRER=x\nPATH=/bin\nPORT=80\nDEBUG=1\n",
			want: []string{"was LISTEN meant", "was LOG_DIR meant", "was LOG_DIR meant", "was SECRET_KEY meant", "was MAIL_SERVER meant"}},
		{name: "twice in .env", dotenv: "LOG_DIR=a\nOTHER=1\nOTHER=2\nLOG_DIR=b\n", want: []string{"line 1 and again on line 4"}},
		{name: "a variable in .env", dotenv: "LOG_DIR=${HOME}/x\nDATA_DIR='${HOME}/x'\n", want: []string{"LOG_DIR in"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, tt.args, tt.vars, tt.dotenv)
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Warnings) != len(tt.want) {
				t.Fatalf("warnings %q, want %d", cfg.Warnings, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(cfg.Warnings[i], want) {
					t.Errorf("warning %q does not contain %q", cfg.Warnings[i], want)
				}
			}
		})
	}
}
