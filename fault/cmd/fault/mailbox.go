package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

// mailboxCommand is fault mailbox.
type mailboxCommand struct {
	SMTP  string `name:"smtp" default:"${mailbox_smtp}" placeholder:"HOST:PORT" help:"Where mails are taken. Port 0 is any free one. Default: ${mailbox_smtp}."`
	HTTP  string `name:"http" default:"${mailbox_http}" placeholder:"HOST:PORT" help:"Where the page and the API are. Default: ${mailbox_http}."`
	Quiet bool   `short:"q" help:"Print one line for each mail instead of its header and text."`

	Fail       []string `sep:"none" placeholder:"MODE[@STEP]" help:"Fail on purpose; may be given several times, and changed on the page while this runs. See above."`
	FailFirst  int      `placeholder:"N" help:"Only the first N attempts fail, so that a sender recovers."`
	FailChance *float64 `placeholder:"P" help:"An attempt fails with this probability, such as 0.3."`

	TLS      string `name:"tls" enum:"off,starttls,implicit" default:"off" placeholder:"WAY" help:"Encryption with a certificate made at the start: off, starttls or implicit. Default: off."`
	TLSCert  string `name:"tls-cert" type:"path" placeholder:"FILE" help:"Write the certificate there, so that a sender can be told to trust it."`
	User     string `placeholder:"NAME" help:"Demand AUTH (PLAIN, LOGIN or CRAM-MD5) as this user. Without it any AUTH succeeds, and none is needed."`
	Password string `placeholder:"WORD" env:"FAULT_MAILBOX_PASSWORD" help:"And with this password. The environment is the better place for one that matters."`

	Keep      int   `default:"${mailbox_keep}" placeholder:"N" help:"Keep the newest N mails. Default: ${mailbox_keep}."`
	KeepBytes int64 `default:"${mailbox_keep_bytes}" placeholder:"N" help:"And at most about so many bytes of them, in memory. Default: ${mailbox_keep_bytes}."`
	MaxBytes  int64 `default:"${mailbox_max_bytes}" placeholder:"N" help:"Refuse a mail that is larger (552). Default: ${mailbox_max_bytes}."`

	Expose    bool     `help:"Allow addresses that other machines can reach. Whoever can reach them can read the mails."`
	AllowHost []string `sep:"none" placeholder:"NAME" help:"A further name by which the page may be called, such as that of a container."`
}

// mailboxVars are the defaults that the help tells.
func mailboxVars() map[string]string {
	return map[string]string{
		"mailbox_smtp":       mailbox.DefaultSMTP,
		"mailbox_http":       mailbox.DefaultHTTP,
		"mailbox_keep":       strconv.Itoa(mailbox.DefaultKeep),
		"mailbox_keep_bytes": strconv.Itoa(mailbox.DefaultKeepBytes),
		"mailbox_max_bytes":  strconv.Itoa(mailbox.DefaultMaxMailBytes),
	}
}

// Help is what --help says besides the flags.
func (mailboxCommand) Help() string {
	return `It sends nothing on. Each mail is printed and shown on the page, and forgotten at the end. Ctrl+C ends it.

Ways to fail, for --fail MODE[=VALUE][@STEP]:

  refuse    a permanent refusal, 5xx; refuse=552 with that code
  tempfail  a refusal for now, 4xx; tempfail=421 with that code
  silent    the connection stays open and nothing is said
  slow      answers come a byte a second; slow=100ms a byte in that time
  drop      the connection is closed instead of an answer

Steps: connect, helo, starttls, auth, mail, rcpt, data, dot. At data, drop closes in the middle of the mail. At dot, after the mail's last line, silent and drop keep the mail and do not tell its sender. Without a step, refuse and tempfail are at rcpt, silent is at connect, drop at data, and slow everywhere.

  fault mailbox --fail tempfail --fail-first 3      # greylisting: the fourth attempt succeeds
  fault mailbox --fail drop@dot --fail-chance 0.5   # taken, but the answer is lost
  fault mailbox --fail slow --fail refuse@data

The API for tests is described at http://` + mailbox.DefaultHTTP + `/api. The commonest:

  GET /api/mails?to=ADDRESS&wait=5s   the mails to somebody, as JSON; waits for the first
  GET /api/mails/{id}                 one, with header, text and HTML; {id}.eml is its source
  DELETE /api/mails                   delete all
  POST /api/faults                    {"rules": ["tempfail"], "first": 3}: change how it fails`
}

// Run serves until ctx is done.
func (c *mailboxCommand) Run(ctx context.Context, s streams) (err error) {
	plan, err := c.plan()
	if err != nil {
		return err
	}
	options := mailbox.Options{
		SMTP: c.SMTP, HTTP: c.HTTP, Exposed: c.Expose, Hosts: c.AllowHost,
		Keep: c.Keep, KeepBytes: c.KeepBytes, MaxMailBytes: c.MaxBytes,
		Username: c.User, Password: c.Password, Faults: plan, Out: s.out, Quiet: c.Quiet,
	}
	if c.TLS != "off" {
		options.TLS = mailbox.TLSMode(c.TLS)
	} else if c.TLSCert != "" {
		return &usageError{"--tls-cert: there is no certificate with --tls off; add --tls starttls or --tls implicit"}
	}
	for _, limit := range []struct {
		flag string
		n    int64
	}{{"--keep", int64(c.Keep)}, {"--keep-bytes", c.KeepBytes}, {"--max-bytes", c.MaxBytes}} {
		if limit.n < 1 {
			return &usageError{fmt.Sprintf("%s: at least 1, not %d", limit.flag, limit.n)}
		}
	}
	server, err := mailbox.Start(options)
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if c.TLSCert != "" {
		if err := server.WriteCertificate(c.TLSCert); err != nil {
			return err
		}
	}
	if err := c.announce(s.out, server); err != nil {
		return err
	}
	return server.Wait(ctx)
}

// plan is what fails on purpose at the start.
func (c *mailboxCommand) plan() (mailbox.Plan, error) {
	chance := 0.0
	if c.FailChance != nil {
		if chance = *c.FailChance; chance == 0 {
			return mailbox.Plan{}, &usageError{"--fail-chance: with a chance of 0 nothing fails; leave --fail out instead"}
		}
	}
	plan, err := mailbox.ParsePlan(c.Fail, c.FailFirst, chance)
	if err != nil {
		return mailbox.Plan{}, &usageError{"--fail: " + err.Error()}
	}
	return plan, nil
}

// announce says where everything is.
func (c *mailboxCommand) announce(w io.Writer, server *mailbox.Server) error {
	host, port, err := net.SplitHostPort(server.SMTPAddr())
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Mails are taken at %s (MAIL_SERVER=%s MAIL_PORT=%s%s)", server.SMTPAddr(), host, port, map[string]string{
		"starttls": " MAIL_USE_TLS=starttls", "implicit": " MAIL_USE_TLS=implicit",
	}[c.TLS])
	if c.User != "" {
		fmt.Fprintf(&b, " as user %q", c.User)
	}
	fmt.Fprintf(&b, " and shown at %s\n", server.URL())
	if _, sum := server.Certificate(); sum != "" {
		fmt.Fprintf(&b, "The certificate's SHA-256 is %s.\n", sum)
		if c.TLSCert != "" {
			fmt.Fprintf(&b, "It is in %s.\n", c.TLSCert)
		}
	}
	if plan, _ := server.Faults(); len(plan.Rules) > 0 {
		fmt.Fprintf(&b, "It fails on purpose: %s.\n", plan)
	}
	b.WriteString("Ctrl+C stops it.\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// explain says what to do about an error of the start.
func explain(err error) error {
	var (
		option *mailbox.OptionError
		listen *mailbox.ListenError
	)
	switch {
	case errors.As(err, &option) && option.Option == "Exposed":
		return &usageError{option.Text + "; add --expose if that is meant"}
	case errors.As(err, &option):
		flag := map[string]string{
			"SMTP": "--smtp", "HTTP": "--http", "Hosts": "--allow-host", "Keep": "--keep",
			"KeepBytes": "--keep-bytes", "MaxMailBytes": "--max-bytes", "TLS": "--tls", "Username": "--user", "Faults": "--fail",
		}[option.Option]
		return &usageError{flag + ": " + option.Text}
	case errors.As(err, &listen):
		flag, example := "--smtp", "127.0.0.1:9025"
		if listen.Option == "HTTP" {
			flag, example = "--http", "127.0.0.1:9026"
		}
		if listen.InUse {
			return fmt.Errorf("%w; stop that program, or choose another address with %s, such as %s %s", err, flag, flag, example)
		}
		return fmt.Errorf("%w; choose another address with %s, such as %s %s", err, flag, flag, example)
	}
	return err
}
