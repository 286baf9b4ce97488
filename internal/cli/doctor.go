package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault/redact"
	"example.org/microblog/internal/app"
	"example.org/microblog/internal/config"
)

// doctorCommand is microblog doctor.
type doctorCommand struct {
	Send bool `help:"Send a real mail to ADMINS. Without it the mail server is tried up to where the mail would be sent."`
	JSON bool `name:"json" help:"Print one JSON object, for programs."`
}

// errWrong ends a command that has said by itself what is wrong: exit code 1, and not a word more.
var errWrong = errors.New("something is wrong")

// Run makes every check, also when one of them finds something wrong. It changes nothing.
func (c *doctorCommand) Run(ctx context.Context, in *invocation) error {
	d := &doctor{send: c.Send, now: time.Now, began: time.Now()}
	out := in.terminal()
	if !c.JSON {
		d.tell = func(f finding) { printFinding(out, f) }
		d.tellBooks = func(line string) { fmt.Fprintln(out, line) }
	}
	d.examine(ctx, in)
	var err error
	if c.JSON {
		err = d.writeJSON(in.Out)
	} else {
		_, err = fmt.Fprintln(out, d.summary())
	}
	if err != nil {
		return fmt.Errorf("writing what was found: %w", err)
	}
	if d.count(wrong) > 0 {
		return errWrong
	}
	return nil
}

// A level says how a finding is to be taken.
type level string

const (
	fine    level = "ok"
	warning level = "warning" // it works, but hardly as it was meant
	wrong   level = "wrong"
	skipped level = "skipped" // it could not be checked, for a reason that is told elsewhere
)

// A finding is what one step of a check has shown. Its texts are sentences, without secrets.
type finding struct {
	Check  string `json:"check"`          // which check: "mail"
	Step   string `json:"step,omitempty"` // which part of it: "connect"
	Level  level  `json:"level"`
	Text   string `json:"text"`
	Said   string `json:"said,omitempty"`   // what a server answered, in its own words
	Advice string `json:"advice,omitempty"` // what to change
	TookMS int64  `json:"took_ms,omitempty"`
}

// A check is one thing that doctor looks at.
type check struct {
	name  string
	needs []string // settings; while one of them cannot be used, there is nothing to look at; nil: not even any settings
	limit time.Duration
	look  func(context.Context)
}

// A doctor looks at the parts of an installation, one after the other.
type doctor struct {
	send      bool
	now       func() time.Time
	began     time.Time
	tell      func(finding) // of each finding as it is made; nil: nobody
	tellBooks func(line string)

	cfg      config.Config
	dirs     app.Directories
	unusable map[string]bool // settings by name
	redactor *redact.Redactor
	secrets  []string

	check    string // the one under way
	findings []finding
	books    *books

	database databaseState
	newest   newestTime
}

// examine makes all checks.
func (d *doctor) examine(ctx context.Context, in *invocation) {
	d.check = "settings"
	loaded := d.settings(in)
	d.dirs = app.Dirs(d.cfg)
	d.secrets = d.cfg.Secrets()
	d.redactor = redact.New(redact.Options{Values: d.secrets})
	for _, c := range d.checks() {
		d.check = c.name
		switch i := slices.IndexFunc(c.needs, func(name string) bool { return d.unusable[name] }); {
		case ctx.Err() != nil:
			d.add(skipped, "Not checked: it was interrupted.", "")
		case !loaded && c.needs != nil:
			d.add(skipped, "Not checked: the settings cannot be read.", "")
		case i >= 0:
			d.add(skipped, "Not checked: the setting "+c.needs[i]+" cannot be used.", "")
		default:
			ctx, cancel := context.WithTimeout(ctx, c.limit)
			c.look(ctx)
			cancel()
		}
	}
	d.database.close()
}

func (d *doctor) checks() []check {
	const short = 20 * time.Second
	data := []string{"DATA_DIR"}
	return []check{
		{"address", []string{"LISTEN"}, short, d.address},
		{"disk", []string{}, short, d.disk},
		{"database", []string{"DATABASE_URL", "DATA_DIR"}, 2 * time.Minute, d.look},
		{"log", []string{"LOG_DIR", "LOG_MAX_BYTES", "LOG_BACKUPS"}, short, d.log},
		{"access log", []string{"LOG_DIR", "ACCESS_LOG", "ACCESS_MAX_BYTES", "ACCESS_BACKUPS"}, short, d.accessLog},
		{"journal", data, short, d.journal},
		{"incidents", []string{"DATABASE_URL", "DATA_DIR"}, short, d.incidents},
		{"outbox", data, short, d.outbox},
		{"crashes", data, short, d.crashes},
		{"clock", nil, short, d.clock},
		{"mail", []string{"MAIL_SERVER", "MAIL_PORT", "MAIL_USE_TLS", "MAIL_USERNAME", "MAIL_PASSWORD"}, 3 * time.Minute, d.mail},
	}
}

// add notes a finding of the check under way.
func (d *doctor) add(as level, text, advice string) {
	d.note(finding{Level: as, Text: text, Advice: advice})
}

func (d *doctor) note(f finding) {
	f.Check = d.check
	f.Text, f.Said, f.Advice = plainText(f.Text), plainText(f.Said), plainText(f.Advice)
	d.findings = append(d.findings, f)
	if d.tell != nil {
		d.tell(f)
	}
}

// okf notes that something is as it should be.
func (d *doctor) okf(format string, args ...any) { d.add(fine, fmt.Sprintf(format, args...), "") }

// words makes what others have written, such as a server's answer or a driver's error, fit to be
// shown: secrets are masked, also those too short for the redactor.
func (d *doctor) words(s string) string {
	s = d.redactor.Text(s)
	for _, secret := range d.secrets {
		if len(secret) >= 3 {
			s = strings.ReplaceAll(s, secret, redact.Mask)
		}
	}
	return s
}

func (d *doctor) errText(err error) string { return d.words(err.Error()) }

func (d *doctor) count(as level) (n int) {
	for _, f := range d.findings {
		if f.Level == as {
			n++
		}
	}
	return n
}

// summary is the last line.
func (d *doctor) summary() string {
	bad, warned := d.count(wrong), d.count(warning)
	warnings := fmt.Sprintf("%d warnings", warned)
	if warned == 1 {
		warnings = "1 warning"
	}
	switch {
	case bad == 1:
		return "1 thing is wrong; " + warnings + "."
	case bad > 0:
		return fmt.Sprintf("%d things are wrong; %s.", bad, warnings)
	case warned > 0:
		return "Nothing is wrong; " + warnings + "."
	}
	return "All is well."
}
