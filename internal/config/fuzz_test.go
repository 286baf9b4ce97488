package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/internal/config"
)

// fuzzSetting gives one setting any text. It is refused in one clear line, or
// what is in force reads the same when it is given back.
func fuzzSetting(f *testing.F, name string) {
	for _, value := range accepted[name] {
		f.Add(value)
	}
	for value := range refused[name] {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		cfg, err := config.Load(config.Flags{}, environment(with(name, value)), "")
		if err != nil {
			checkErrors(t, err)
			return
		}
		shown := valueOf(cfg, name)
		again, err := config.Load(config.Flags{}, environment(with(name, shown)), "")
		if err != nil {
			t.Fatalf("%q is in force as %q, which is refused: %v", value, shown, err)
		}
		if got := valueOf(again, name); got != shown {
			t.Errorf("%q is in force as %q, and that as %q", value, shown, got)
		}
	})
}

func checkErrors(t *testing.T, err error) {
	t.Helper()
	var many *config.Errors
	if !errors.As(err, &many) || len(many.Problems) == 0 {
		t.Fatalf("error is %#v", err)
	}
	for _, p := range many.Problems {
		line := p.String()
		if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("a message is not one clean line: %q", line)
		}
		if len(line) > 3000 {
			t.Errorf("a message has %d bytes", len(line))
		}
	}
}

func valueOf(cfg config.Config, name string) string {
	for _, v := range cfg.Values() {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

func FuzzListen(f *testing.F)         { fuzzSetting(f, "LISTEN") }
func FuzzBaseURL(f *testing.F)        { fuzzSetting(f, "BASE_URL") }
func FuzzTrustedProxies(f *testing.F) { fuzzSetting(f, "TRUSTED_PROXIES") }
func FuzzMailServer(f *testing.F)     { fuzzSetting(f, "MAIL_SERVER") }
func FuzzMailFrom(f *testing.F)       { fuzzSetting(f, "MAIL_FROM") }
func FuzzAdmins(f *testing.F)         { fuzzSetting(f, "ADMINS") }
func FuzzSize(f *testing.F)           { fuzzSetting(f, "LOG_MAX_BYTES") }
func FuzzCount(f *testing.F)          { fuzzSetting(f, "LOG_BACKUPS") }
func FuzzAccessLog(f *testing.F)      { fuzzSetting(f, "ACCESS_LOG") }

// FuzzDatabaseURL also checks that no message repeats the password, however
// broken the URL around it is.
func FuzzDatabaseURL(f *testing.F) {
	for _, value := range accepted["DATABASE_URL"] {
		f.Add(value, "p%40ss")
	}
	for value := range refused["DATABASE_URL"] {
		f.Add(value, "p@ss/w:rd#?%")
	}
	f.Fuzz(func(t *testing.T, value, password string) {
		const mark = "Xq9zXq9z"
		for _, text := range []string{value, "postgres://ann:" + mark + password + mark + "@db/blog" + value} {
			cfg, err := config.Load(config.Flags{}, environment(with("DATABASE_URL", text)), "")
			said := cfg.Dump() + strings.Join(cfg.Warnings, "\n")
			if err != nil {
				checkErrors(t, err)
				said += err.Error()
			}
			if strings.Contains(said, mark) && text != value {
				t.Errorf("the password of %q is shown:\n%s", text, said)
			}
			if err == nil && text != value && len(cfg.Secrets()) == 0 {
				t.Errorf("the password of %q is no secret", text)
			}
		}
	})
}

// FuzzDotenv reads any text as a .env file.
func FuzzDotenv(f *testing.F) {
	f.Add("LISTEN=:80\n# x\nexport A='b'\nLOG_DIR=\"a\\\"b\" # c\n")
	f.Add("A='\n\nB=\"\nC")
	f.Add("\ufeffA=${B}\r\nA=1\r\n=\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(config.Flags{}, environment(nil), path); err != nil {
			checkErrors(t, err)
		}
	})
}

// FuzzDotenvQuotes checks that a text written in quotes is read back as it was,
// and that the line after it is read too.
func FuzzDotenvQuotes(f *testing.F) {
	for _, s := range []string{"plain", `ab"`, `ab\`, `\"`, "pa$WORD", "#", " # ", "'", "ä", `\n`, "= =", "${A}"} {
		f.Add(s)
	}
	double := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`)
	f.Fuzz(func(t *testing.T, value string) {
		if strings.TrimSpace(value) == "" || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			t.Skip("not a value of a setting")
		}
		forms := []string{`"` + double.Replace(value) + `"`}
		if !strings.Contains(value, "'") {
			forms = append(forms, "'"+value+"'")
		}
		for _, form := range forms {
			path := filepath.Join(t.TempDir(), ".env")
			if err := os.WriteFile(path, []byte("MAIL_PASSWORD="+form+" # x\nLOG_BACKUPS=7\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(config.Flags{}, environment(with("MAIL_SERVER", "localhost")), path)
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.Mail.Password.Reveal(); got != value || cfg.LogBackups != 7 {
				t.Errorf("%s is read as %q with %d backups after it, want %q and 7", form, got, cfg.LogBackups, value)
			}
		}
	})
}
