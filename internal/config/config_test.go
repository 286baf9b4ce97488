package config_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"example.org/microblog/internal/config"
)

// environment is a lookup function over fixed variables.
func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// load reads settings from flags as text, variables and the text of a .env file.
func load(t *testing.T, args []string, vars map[string]string, dotenv string) (config.Config, error) {
	t.Helper()
	var flags config.Flags
	parser, err := kong.New(&flags, kong.Exit(func(int) { t.Fatal("kong wants to exit") }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	path := ""
	if dotenv != "" {
		path = filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(path, []byte(dotenv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(flags, environment(vars), path)
}

func mustLoad(t *testing.T, vars map[string]string) config.Config {
	t.Helper()
	cfg, err := load(t, nil, vars, "")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func problems(t *testing.T, err error) []config.Problem {
	t.Helper()
	var many *config.Errors
	if !errors.As(err, &many) || len(many.Problems) == 0 {
		t.Fatalf("error is %v, want *config.Errors with problems", err)
	}
	return many.Problems
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, nil)
	if cfg.Listen.Network != "tcp" || cfg.Listen.Address != "127.0.0.1:5000" {
		t.Errorf("Listen = %+v", cfg.Listen)
	}
	if cfg.Database.Kind != config.SQLite || cfg.Database.Path != filepath.Join("data", "microblog.db") {
		t.Errorf("Database = %+v", cfg.Database)
	}
	if cfg.Mail.Enabled() || cfg.BaseURL != nil || cfg.SecretKey != "" {
		t.Errorf("mail, base URL or key is set: %+v", cfg)
	}
	if cfg.LogDir != "logs" || cfg.LogMaxBytes != 10240 || cfg.LogBackups != 10 || cfg.LogFormat != "text" ||
		cfg.LogLevel != slog.LevelInfo || cfg.LogToStdout != config.Auto {
		t.Errorf("log: %+v", cfg)
	}
	if cfg.AccessLog.Path != filepath.Join("logs", "access.log") || cfg.AccessMaxBytes != 10485760 || cfg.AccessBackups != 5 {
		t.Errorf("access log: %+v", cfg)
	}
	if len(cfg.Warnings) != 0 {
		t.Errorf("the defaults warn: %q", cfg.Warnings)
	}
	if len(cfg.Secrets()) != 0 {
		t.Errorf("the defaults have secrets: %q", cfg.Secrets())
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	const dotenv = "# ours\nexport LISTEN=:1003\n\nDATA_DIR='from file'\nLOG_DIR=fromfile\nLOG_LEVEL=debug\n"
	cfg, err := load(t,
		[]string{"--listen=:1001", "--log-level="},
		map[string]string{"LISTEN": ":1002", "DATA_DIR": "fromenv", "LOG_DIR": "", "LOG_LEVEL": "error"}, dotenv)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct{ value, origin string }{
		"LISTEN":    {":1001", "flag --listen"},
		"DATA_DIR":  {"fromenv", "environment"},
		"LOG_DIR":   {"fromfile", ".env line 5"}, // an empty variable counts as not set
		"LOG_LEVEL": {"info", "default"},         // an empty flag stands for the default
		"BASE_URL":  {"", "not set"},
	}
	for _, v := range cfg.Values() {
		w, ok := want[v.Name]
		if !ok {
			continue
		}
		delete(want, v.Name)
		if v.Value != w.value || !strings.HasSuffix(string(v.Origin), w.origin) {
			t.Errorf("%s = %q from %q, want %q from %q", v.Name, v.Value, v.Origin, w.value, w.origin)
		}
	}
	if len(want) != 0 {
		t.Errorf("Values() lacks %v", want)
	}
}

func TestLoadLeavesTheEnvironmentAlone(t *testing.T) {
	before := os.Environ()
	if _, err := load(t, nil, nil, "LOG_DIR=elsewhere\nDATA_DIR=x\n"); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, os.Environ()) {
		t.Error("Load changed the process's environment")
	}
}

func TestMissingDotenvIsFine(t *testing.T) {
	t.Parallel()
	if _, err := config.Load(config.Flags{}, environment(nil), filepath.Join(t.TempDir(), ".env")); err != nil {
		t.Error(err)
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t,
		[]string{"--listen=5000", "--log-max-bytes=10kB"},
		map[string]string{
			"BASE_URL":      "blog.example.org",
			"MAIL_SERVER":   "mail.example.org",
			"MAIL_PORT":     "smtp",
			"SECRET_KEY":    "too short",
			"DATABASE_URL":  "mysql://root:hunter2hunter2@db/blog",
			"ACCESS_LOG":    "logs/microblog.log",
			"LOG_TO_STDOUT": "sometimes",
		},
		"LOG_BACKUPS=-1\nLOG_FORMAT=xml\n")
	got := problems(t, err)
	want := []struct{ setting, origin, value string }{
		{"LISTEN", "flag --listen", "5000"},
		{"BASE_URL", "environment", "blog.example.org"},
		{"DATABASE_URL", "environment", "mysql://root:[masked]@db/blog"},
		{"SECRET_KEY", "environment", "[masked]"},
		{"MAIL_PORT", "environment", "smtp"},
		{"ADMINS", "not set", ""},
		{"LOG_MAX_BYTES", "flag --log-max-bytes", "10kB"},
		{"LOG_BACKUPS", ".env line 1", "-1"},
		{"LOG_FORMAT", ".env line 2", "xml"},
		{"LOG_TO_STDOUT", "environment", "sometimes"},
		{"ACCESS_LOG", "environment", "logs/microblog.log"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(got), len(want), err)
	}
	for i, w := range want {
		p := got[i]
		if p.Setting != w.setting || p.Value != w.value || !strings.HasSuffix(string(p.Origin), w.origin) {
			t.Errorf("problem %d is %s=%q from %q, want %s=%q from %q", i, p.Setting, p.Value, p.Origin, w.setting, w.value, w.origin)
		}
		if p.Wrong == "" || p.Allowed == "" {
			t.Errorf("problem %d does not say what is wrong and what is allowed: %+v", i, p)
		}
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("the error has %d lines, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i].setting) || !strings.Contains(line, "Allowed: ") {
			t.Errorf("line %d is %q", i, line)
		}
	}
	for _, secret := range []string{"hunter2", "too short"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error contains the secret %q:\n%v", secret, err)
		}
	}
}

func TestEveryDocumentedDefaultIsAllowed(t *testing.T) {
	t.Parallel()
	defaults := mustLoad(t, nil)
	in := map[string]string{}
	for _, v := range defaults.Values() {
		in[v.Name] = v.Value
	}
	cfg := mustLoad(t, in)
	if got, want := withoutOrigins(cfg), withoutOrigins(defaults); got != want {
		t.Errorf("the shown defaults, given back, are read as\n%s\nwant\n%s", got, want)
	}
}

// withoutOrigins is the dump without the part in brackets.
func withoutOrigins(c config.Config) string {
	var b strings.Builder
	for _, v := range c.Values() {
		fmt.Fprintf(&b, "%s=%s\n", v.Name, v.Value)
	}
	return b.String()
}

func TestFlagsAgreeWithSettings(t *testing.T) {
	t.Parallel()
	var flags config.Flags
	parser, err := kong.New(&flags)
	if err != nil {
		t.Fatal(err)
	}
	byFlag := map[string]*kong.Flag{}
	for _, f := range parser.Model.Flags {
		byFlag[f.Name] = f
	}
	settings := config.Settings()
	if len(byFlag) != len(settings)+1 { // and --help
		t.Errorf("%d flags for %d settings", len(byFlag)-1, len(settings))
	}
	names := map[string]bool{}
	for _, s := range settings {
		f := byFlag[s.Flag]
		if f == nil {
			t.Errorf("%s has no flag --%s", s.Name, s.Flag)
			continue
		}
		if f.Help != s.Help || f.HasDefault || s.Help == "" || s.Allowed == "" || s.Group == "" {
			t.Errorf("%s: help %q, flag's help %q, default of kong's own: %v, allowed %q, group %q", s.Name, s.Help, f.Help, f.HasDefault, s.Allowed, s.Group)
		}
		if names[s.Name] {
			t.Errorf("%s comes twice", s.Name)
		}
		names[s.Name] = true
		if strings.HasSuffix(s.Allowed, ".") || !strings.HasSuffix(s.Help, ".") {
			t.Errorf("%s: help is a sentence, allowed is not one: %q, %q", s.Name, s.Help, s.Allowed)
		}
	}
}

func TestEverySettingTakesItsFlag(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"LISTEN": "unix:run/blog.sock", "BASE_URL": "https://blog.example.org", "TRUSTED_PROXIES": "10.0.0.0/8, ::1/128",
		"DATA_DIR": "d", "DATABASE_URL": "postgres://ann@db/blog", "SECRET_KEY": "0123456789abcdef",
		"MAIL_SERVER": "mail.example.org", "MAIL_PORT": "587", "MAIL_USE_TLS": "starttls", "MAIL_USERNAME": "ann", "MAIL_PASSWORD": "secret word",
		"MAIL_FROM": `"The Blog" <blog@example.org>`, "ADMINS": "ann@example.org, bob@example.org",
		"LOG_DIR": "l", "LOG_MAX_BYTES": "4096", "LOG_BACKUPS": "3", "LOG_FORMAT": "json", "LOG_LEVEL": "critical", "LOG_TO_STDOUT": "no",
		"ACCESS_LOG": "stdout", "ACCESS_MAX_BYTES": "8192", "ACCESS_BACKUPS": "0",
	}
	masked := map[string]bool{"SECRET_KEY": true, "MAIL_PASSWORD": true}
	var args []string
	for _, s := range config.Settings() {
		if values[s.Name] == "" {
			t.Fatalf("no value for %s in this test", s.Name)
		}
		args = append(args, "--"+s.Flag+"="+values[s.Name])
	}
	cfg, err := load(t, args, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range cfg.Values() {
		want := values[v.Name]
		if masked[v.Name] {
			want = "[masked]"
		}
		if v.Value != want || !strings.HasPrefix(string(v.Origin), "flag --") {
			t.Errorf("%s = %q (%s), want %q from its flag", v.Name, v.Value, v.Origin, want)
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, map[string]string{
		"SECRET_KEY":    "correct horse battery",
		"MAIL_SERVER":   "localhost",
		"ADMINS":        "ann@example.org",
		"MAIL_USERNAME": "ann",
		"MAIL_PASSWORD": "tr0ub4dor",
		"DATABASE_URL":  "postgres://ann:p%40ssw0rd@db.example.org:5432/blog?sslmode=require&sslpassword=keyfile",
	})
	secrets := []string{"correct horse battery", "tr0ub4dor", "p%40ssw0rd", "p@ssw0rd", "keyfile"}
	shown := map[string]string{
		"Dump": cfg.Dump(),
		"%v":   fmt.Sprintf("%v", cfg),
		"%+v":  fmt.Sprintf("%+v", cfg),
		"%#v":  fmt.Sprintf("%#v", cfg),
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", cfg, "key", cfg.SecretKey, "database", cfg.Database)
	shown["slog"] = log.String()
	for where, text := range shown {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %q:\n%s", where, secret, text)
			}
		}
	}
	if !strings.Contains(cfg.Dump(), "DATABASE_URL=postgres://ann:[masked]@db.example.org:5432/blog?sslmode=require&sslpassword=[masked] (environment)\n") {
		t.Errorf("Dump hides more than the password:\n%s", cfg.Dump())
	}
	got := cfg.Secrets()
	for _, secret := range secrets {
		found := false
		for _, g := range got {
			found = found || g == secret
		}
		if !found {
			t.Errorf("Secrets() = %q lacks %q", got, secret)
		}
	}
	if cfg.SecretKey.Reveal() != "correct horse battery" || cfg.Mail.Password.Reveal() != "tr0ub4dor" {
		t.Error("Reveal does not reveal")
	}
}

func TestTypedValues(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, map[string]string{
		"TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7,::ffff:172.16.0.0/108, ::ffff:192.0.2.8",
		"BASE_URL":        "HTTPS://Blog.Example.ORG:443/",
		"LOG_MAX_BYTES":   "64 KiB", "ACCESS_MAX_BYTES": "1mib", "LOG_DIR": "elsewhere",
	})
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"),
		netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.0.2.8/32"),
	}
	if !reflect.DeepEqual(cfg.TrustedProxies, want) {
		t.Errorf("TrustedProxies = %v, want %v", cfg.TrustedProxies, want)
	}
	if got := cfg.BaseURL.String(); got != "https://blog.example.org" {
		t.Errorf("BaseURL = %s", got)
	}
	if cfg.LogMaxBytes != 65536 || cfg.AccessMaxBytes != 1<<20 {
		t.Errorf("sizes: %d, %d", cfg.LogMaxBytes, cfg.AccessMaxBytes)
	}
	if want := filepath.Join("elsewhere", "access.log"); cfg.AccessLog.Path != want {
		t.Errorf("the access log is %s, want it to follow LOG_DIR to %s", cfg.AccessLog.Path, want)
	}
}

func TestMistypedDatabaseURLKeepsItsPassword(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"question mark for colon": "postgres://bob?canary@h/d",
		"two kinds at once":       "sqlite:postgres://bob:canary@h/x",
		"not encoded":             "postgres://bob:can@canary/#@h/d?x=%",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(config.Flags{}, func(n string) (string, bool) { return url, n == "DATABASE_URL" }, "")
			if err == nil {
				t.Fatal("the URL was accepted")
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}
