package config

import (
	"reflect"
	"strings"
)

//go:generate go test . -run ^TestConfigurationDocument$ -update

// Flags are the settings as the command line gives them: raw text, nil where a
// flag was not given. kong embeds the struct; its tags are the one place where
// a setting's name, default, help and allowed values are written. The names
// "setting", "preset", "allowed" and "secret" are this package's own tags.
// kong's "default" is not used, because a default must not look like a flag
// that was given.
type Flags struct {
	Listen         *string `group:"Web" setting:"LISTEN" preset:"127.0.0.1:5000" placeholder:"ADDRESS" help:"Address of the web server." allowed:"HOST:PORT such as 127.0.0.1:5000 or [::1]:5000, :PORT for every address of the machine, port 0 for any free port, or unix:PATH for a Unix socket"`
	BaseURL        *string `group:"Web" setting:"BASE_URL" name:"base-url" placeholder:"URL" help:"Public address of the site: links in mails, Secure cookies, trusted origin." allowed:"http:// or https:// and a host, with a port if it is not the usual one, and no path, such as https://blog.example.org"`
	TrustedProxies *string `group:"Web" setting:"TRUSTED_PROXIES" placeholder:"NETWORKS" help:"Networks whose X-Forwarded-* and Forwarded headers are believed. Without it only the peer of the connection counts." allowed:"addresses and networks separated by commas, such as 127.0.0.1, 10.0.0.0/8, fd00::/8"`

	DataDir     *string `group:"Data" setting:"DATA_DIR" preset:"data" placeholder:"DIR" help:"Directory of the embedded database, the journal and the outbox." allowed:"the path of a directory; it is created if it is missing"`
	DatabaseURL *string `group:"Data" setting:"DATABASE_URL" name:"database-url" preset:"sqlite:DATA_DIR/microblog.db" secret:"url" placeholder:"URL" help:"The database: SQLite or PostgreSQL." allowed:"sqlite:PATH such as sqlite:data/microblog.db, or postgres://USER:PASSWORD@HOST:PORT/DATABASE, where special characters in the user and the password are percent-encoded"`
	SecretKey   *string `group:"Data" setting:"SECRET_KEY" preset:"generated once and kept in the database, so that replicas agree" secret:"yes" placeholder:"TEXT" help:"Signs links." allowed:"at least 16 characters that nobody can guess"`

	MailServer   *string `group:"Mail" setting:"MAIL_SERVER" placeholder:"HOST" help:"Mail server. Without it no mail is sent." allowed:"a host name or an IP address; the port is MAIL_PORT"`
	MailPort     *string `group:"Mail" setting:"MAIL_PORT" preset:"25, or 465 where MAIL_USE_TLS is implicit" placeholder:"PORT" help:"Port of the mail server." allowed:"a number from 1 to 65535, usually 25, 587 (starttls) or 465 (implicit)"`
	MailUseTLS   *string `group:"Mail" setting:"MAIL_USE_TLS" name:"mail-use-tls" preset:"0" placeholder:"MODE" help:"Encryption of the connection to the mail server." allowed:"1, true or starttls (begin in the clear, then encrypt); implicit (encrypted from the first byte, port 465); 0, false or off"`
	MailUsername *string `group:"Mail" setting:"MAIL_USERNAME" placeholder:"NAME" help:"User name at the mail server." allowed:"text without control characters"`
	MailPassword *string `group:"Mail" setting:"MAIL_PASSWORD" secret:"yes" placeholder:"TEXT" help:"Password at the mail server." allowed:"text without control characters"`
	MailFrom     *string `group:"Mail" setting:"MAIL_FROM" preset:"MAIL_USERNAME where it is an address, else no-reply@MAIL_SERVER" placeholder:"ADDRESS" help:"Sender of the mails." allowed:"one e-mail address, such as blog@example.org or Microblog <blog@example.org>"`
	Admins       *string `group:"Mail" setting:"ADMINS" placeholder:"ADDRESSES" help:"Who gets the error mails (one message to all). Required when MAIL_SERVER is set." allowed:"e-mail addresses separated by commas, such as ann@example.org, bob@example.org"`

	LogDir      *string `group:"Log" setting:"LOG_DIR" preset:"logs" placeholder:"DIR" help:"Directory of microblog.log and its backups: .1 is the newest." allowed:"the path of a directory; it is created if it is missing"`
	LogMaxBytes *string `group:"Log" setting:"LOG_MAX_BYTES" preset:"10240" placeholder:"SIZE" help:"Size at which the log file is rotated." allowed:"a number of bytes, or a number with KiB, MiB or GiB (of 1024 each); 0 means never"`
	LogBackups  *string `group:"Log" setting:"LOG_BACKUPS" preset:"10" placeholder:"COUNT" help:"How many rotated log files are kept." allowed:"a number from 0 to 1000"`
	LogFormat   *string `group:"Log" setting:"LOG_FORMAT" preset:"text" placeholder:"FORMAT" help:"Format of the log and of the access log." allowed:"text or json"`
	LogLevel    *string `group:"Log" setting:"LOG_LEVEL" preset:"info" placeholder:"LEVEL" help:"Least severe level that is logged." allowed:"debug, info, warning, error or critical"`
	LogToStdout *string `group:"Log" setting:"LOG_TO_STDOUT" preset:"auto" placeholder:"WHEN" help:"Whether the log also goes to standard output." allowed:"auto (when standard output is a terminal), 1 or yes, 0 or no"`

	AccessLog      *string `group:"Log" setting:"ACCESS_LOG" preset:"LOG_DIR/access.log" placeholder:"PATH" help:"File with one line per request, apart from the log so that traffic never pushes failures out." allowed:"the path of a file, stdout, or off"`
	AccessMaxBytes *string `group:"Log" setting:"ACCESS_MAX_BYTES" preset:"10485760" placeholder:"SIZE" help:"Size at which the access log is rotated." allowed:"a number of bytes, or a number with KiB, MiB or GiB (of 1024 each); 0 means never"`
	AccessBackups  *string `group:"Log" setting:"ACCESS_BACKUPS" preset:"5" placeholder:"COUNT" help:"How many rotated access logs are kept." allowed:"a number from 0 to 1000"`
}

// Secrecy says how much of a setting's value may be shown.
type Secrecy string

// The kinds of secrecy.
const (
	Public    Secrecy = ""    // all of it
	SecretURL Secrecy = "url" // all but the password in it
	SecretAll Secrecy = "yes" // nothing
)

// A Setting describes one setting: what the documentation, the help and the
// messages about mistakes say of it.
type Setting struct {
	Name    string // as in the environment: LISTEN
	Flag    string // on the command line, without the dashes: listen
	Group   string // Web, Data, Mail or Log
	Default string // as written for people; "" means none
	Help    string // one or two sentences
	Allowed string // what values it takes
	Secret  Secrecy
}

// Settings returns every setting in the order of [Flags].
func Settings() []Setting {
	t := reflect.TypeFor[Flags]()
	all := make([]Setting, t.NumField())
	for i := range all {
		tag := t.Field(i).Tag
		name := tag.Get("setting")
		all[i] = Setting{
			Name:    name,
			Flag:    strings.ReplaceAll(strings.ToLower(name), "_", "-"),
			Group:   tag.Get("group"),
			Default: tag.Get("preset"),
			Help:    tag.Get("help"),
			Allowed: tag.Get("allowed"),
			Secret:  Secrecy(tag.Get("secret")),
		}
	}
	return all
}

// value returns the i-th flag's text, in the order of [Settings].
func (f Flags) value(i int) (string, bool) {
	p, ok := reflect.ValueOf(f).Field(i).Interface().(*string)
	if !ok || p == nil {
		return "", false
	}
	return *p, true
}
