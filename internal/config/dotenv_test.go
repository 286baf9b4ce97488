package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.org/microblog/internal/config"
)

func TestDotenvValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
	}{
		{"plain", "MAIL_PASSWORD=abc", "abc"},
		{"spaces around", "  MAIL_PASSWORD  =  a b c  \n", "a b c"},
		{"exported", "export MAIL_PASSWORD=abc\n", "abc"},
		{"comment after", "MAIL_PASSWORD=abc # the old one", "abc"},
		{"number sign inside", "MAIL_PASSWORD=a#b", "a#b"},
		{"number sign first", "MAIL_PASSWORD=#b", "#b"},
		{"equals sign inside", "MAIL_PASSWORD=a=b==", "a=b=="},
		{"dollar stays", "MAIL_PASSWORD=pa$WORD$1", "pa$WORD$1"},
		{"dollar stays in quotes", `MAIL_PASSWORD="pa$WORD"`, "pa$WORD"},
		{"backslash stays", `MAIL_PASSWORD=a\b\\c`, `a\b\\c`},
		{"single quotes keep all", `MAIL_PASSWORD=' a\n"#$B '`, ` a\n"#$B `},
		{"double quotes", `MAIL_PASSWORD="a \"b\" \\ \$C \q # "`, `a "b" \ $C \q # `},
		{"escaped quote at the end", `MAIL_PASSWORD="ab\""`, `ab"`},
		{"escaped backslash at the end", `MAIL_PASSWORD="ab\\"`, `ab\`},
		{"comment after quotes", "MAIL_PASSWORD='abc'   # ok\n", "abc"},
		{"byte order mark and Windows lines", "\ufeff# x\r\nMAIL_PASSWORD=abc\r\n", "abc"},
		{"last one counts", "MAIL_PASSWORD=a\nMAIL_PASSWORD=b\n", "b"},
		{"empty is not set", "MAIL_PASSWORD=\n", ""},
		{"empty quotes are not set", "MAIL_PASSWORD=''\n", ""},
		{"only a comment", "MAIL_PASSWORD= # none yet\n", ""},
		{"after a quote over lines", "OTHER='a\nMAIL_PASSWORD=no\n'\nMAIL_PASSWORD=yes\n", "yes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, nil, map[string]string{"MAIL_SERVER": "localhost", "ADMINS": "ann@example.org"}, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.Mail.Password.Reveal(); got != tt.want {
				t.Errorf("read as %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDotenvMistakes(t *testing.T) {
	t.Parallel()
	_, err := load(t, nil, nil, strings.Join([]string{
		"LISTEN=:80",
		"just words with a hidden secret",
		"two words=x",
		"=hidden",
		"MAIL_PASSWORD=\"hidden",
		"OTHER='hidden' and more",
		"BAD=\xff",
		"LOG_DIR='over",
		"lines'",
		"LOG_LEVEL=loud",
	}, "\n"))
	wants := []struct{ setting, line, wrong string }{
		{"", "line 2", "no ="}, {"", "line 3", "name"}, {"", "line 4", "name"},
		{"OTHER", "line 6", "after the closing quote"}, {"BAD", "line 7", "UTF-8"},
		{"MAIL_PASSWORD", "line 5", "never closed"},
		{"LOG_DIR", "line 8", "control character"}, {"LOG_LEVEL", "line 10", "none of the words"},
	}
	all := problems(t, err)
	if len(all) != len(wants) {
		t.Fatalf("%d problems, want %d:\n%v", len(all), len(wants), err)
	}
	for i, want := range wants {
		p := all[i]
		if p.Setting != want.setting || !strings.HasSuffix(string(p.Origin), want.line) || !strings.Contains(p.Wrong, want.wrong) {
			t.Errorf("problem %d is %s, want %q on %s", i, p, want.wrong, want.line)
		}
	}
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("the error repeats a value:\n%v", err)
	}
}

func TestDotenvFileTrouble(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"is a directory": dir, "is larger": large} {
		_, err := config.Load(config.Flags{}, environment(nil), path)
		if all := problems(t, err); len(all) != 1 || !strings.Contains(all[0].String(), path) || !strings.Contains(all[0].Wrong, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := config.Load(config.Flags{}, environment(nil), file); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

func TestDotenvOthersCanRead(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permission bits")
	}
	tests := []struct {
		name, text string
		mode       os.FileMode
		warns      bool
	}{
		{"open, with a secret", "SECRET_KEY=0123456789abcdef", 0o644, true},
		{"open, with a database password", "DATABASE_URL=postgres://ann:pw@db/blog", 0o604, true},
		{"private, with a secret", "SECRET_KEY=0123456789abcdef", 0o600, false},
		{"open, without a secret", "DATABASE_URL=postgres://ann@db/blog", 0o644, false},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(config.Flags{}, environment(nil), path)
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(strings.Join(cfg.Warnings, "\n"), "chmod 600"); warned != tt.warns {
			t.Errorf("%s: warnings %q", tt.name, cfg.Warnings)
		}
	}
}
