package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"example.org/microblog/internal/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

// TestConfigurationDocument checks that docs/configuration.md says of each
// setting what the program says.
func TestConfigurationDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := document(t)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the settings say; `go generate ./internal/config` writes it anew", path)
	}
}

func document(t *testing.T) []byte {
	t.Helper()
	var groups []group
	for _, s := range config.Settings() {
		if len(groups) == 0 || groups[len(groups)-1].Name != s.Group {
			groups = append(groups, group{Name: s.Group})
		}
		last := &groups[len(groups)-1]
		last.Settings = append(last.Settings, s)
	}
	page := template.Must(template.New("").Funcs(template.FuncMap{
		"standard": func(s config.Setting) string {
			switch {
			case s.Default == "":
				return "none"
			case strings.Contains(s.Default, " "):
				return s.Default
			}
			return "`" + s.Default + "`"
		},
		"text":   strings.NewReplacer("*", `\*`, "<", `\<`).Replace,
		"anchor": strings.ToLower,
	}).Parse(configurationPage))
	var b bytes.Buffer
	if err := page.Execute(&b, groups); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type group struct {
	Name     string
	Settings []config.Setting
}

const configurationPage = `# Configuration

<!-- Written by "go generate ./internal/config" from internal/config/settings.go. Change it there. -->

Microblog runs without any settings. What is here changes how.

| setting | default | for |
|---|---|---|
{{range .}}{{range .Settings}}| [` + "`{{.Name}}`" + `](#{{anchor .Name}}) | {{standard .}} | {{text .Help}} |
{{end}}{{end}}
## Where settings come from

A setting is taken from the first of these that has it:

1. the flag on the command line, such as ` + "`--listen=:8080`" + `;
2. the environment variable of its name, such as ` + "`LISTEN=:8080`" + `;
3. the line of its name in the file ` + "`.env`" + ` in the working directory.

An environment variable that is set to nothing, and a line in ` + "`.env`" + ` with nothing after the ` + "`=`" + `, count as not set. A flag that is set to nothing (` + "`--mail-server=`" + `) stands for the default, whatever the environment and the file say.

Spaces around a value are dropped, except in secrets. Words such as ` + "`text`" + ` or ` + "`off`" + ` may be written in capitals.

Flags can be read by everybody who can list the processes of the machine. Secrets belong in the environment or in a ` + "`.env`" + ` that only its owner can read (` + "`chmod 600 .env`" + `).

### The file .env

    # A comment.
    LISTEN=:8080
    LOG_DIR='a directory'       # with a comment after it
    MAIL_PASSWORD="a \"b\" c"
    export DATA_DIR=data        # "export" may stay

- Without quotes, a value ends with its line, or before a ` + "`#`" + ` that follows a space.
- Single quotes keep everything between them as it is.
- Double quotes know ` + "`\\n`, `\\r`, `\\t`, `\\\"`, `\\\\` and `\\$`" + `.
- A ` + "`$`" + ` is a ` + "`$`" + `: variables are not expanded, so a password with a ` + "`$`" + ` in it stays whole.
- Of a name that comes twice the last one counts, with a warning.

The file is only read. It changes no environment variable, so programs that Microblog starts do not see it.

### Mistakes

All mistakes are told at once, each with the setting's name, its value (masked where it is secret), where it came from, what is wrong and what is allowed. The program then ends with exit code 1. What is allowed but is probably not meant, such as port 465 without ` + "`MAIL_USE_TLS=implicit`" + ` or a name in ` + "`.env`" + ` that is nearly one of ours, is a warning.
{{range .}}
## {{.Name}}
{{range .Settings}}
### {{.Name}}

{{text .Help}}

- Flag: ` + "`--{{.Flag}}`" + `
- Default: {{standard .}}
- Allowed: {{text .Allowed}}
{{- if eq .Secret "yes"}}
- Secret: it is shown nowhere
{{- else if eq .Secret "url"}}
- Secret: the password in it is shown nowhere
{{- end}}
{{end}}{{end}}`
