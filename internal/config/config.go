// Package config reads the settings of Microblog from flags, the environment
// and a .env file, and reports every mistake in them at once.
//
// A setting comes from the first of these that has it: its flag, the
// environment variable of its name, the line of the .env file. An empty
// environment variable or an empty line in .env counts as not set; an empty
// flag (--mail-server=) stands for the default and hides the other two.
package config

import (
	"log/slog"
	"net/mail"
	"net/netip"
	"net/url"
)

// A Config holds the settings, checked and typed. [Load] makes it. Printing one
// shows no secret.
type Config struct {
	Listen         Listen
	BaseURL        *url.URL // scheme and host in lower case, no path; nil: none
	TrustedProxies []netip.Prefix

	DataDir   string // relative to the working directory, as given
	Database  Database
	SecretKey Secret // "": none given; one is kept in the database

	Mail   Mail           // the zero value: mail is off
	Admins []mail.Address // no duplicates; not empty when Mail is on

	LogDir      string
	LogMaxBytes int64 // 0: the file is never rotated
	LogBackups  int
	LogFormat   string     // "text" or "json"
	LogLevel    slog.Level // critical is slog.Level(12)
	LogToStdout When

	AccessLog      AccessLog
	AccessMaxBytes int64 // 0: the file is never rotated
	AccessBackups  int

	// Warnings are sentences about settings that are allowed but are probably
	// not what was meant. They contain no secret.
	Warnings []string

	values []Value
}

// Listen is the address to listen on, as [net.Listen] takes it.
type Listen struct {
	Network string // "tcp" or "unix"
	Address string // host:port, or the path of the socket
}

// String returns the address in the form of the setting.
func (l Listen) String() string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	return l.Address
}

// A DatabaseKind names a database system.
type DatabaseKind string

// The database systems.
const (
	SQLite   DatabaseKind = "sqlite"
	Postgres DatabaseKind = "postgres"
)

// Database says where the data is.
type Database struct {
	Kind DatabaseKind
	Path string // the file, for SQLite
	URL  Secret // the connection URL with its password, for PostgreSQL
}

// String returns the database in the form of the setting, without a password.
func (d Database) String() string {
	if d.Kind == SQLite {
		return "sqlite:" + d.Path
	}
	return redactURL(d.URL.Reveal())
}

// A TLSMode is how a connection to the mail server is encrypted.
type TLSMode string

// The modes of encryption.
const (
	TLSOff      TLSMode = "off"
	TLSStart    TLSMode = "starttls" // RFC 3207
	TLSImplicit TLSMode = "implicit" // RFC 8314
)

// Mail says how mail is sent.
type Mail struct {
	Server   string // host name or IP address, without brackets
	Port     int
	TLS      TLSMode
	Username string // "": no authentication
	Password Secret
	From     mail.Address
}

// Enabled reports whether mail is sent at all.
func (m Mail) Enabled() bool { return m.Server != "" }

// When says whether the log also goes to standard output.
type When string

// The values of LOG_TO_STDOUT.
const (
	Auto   When = "auto" // when standard output is a terminal
	Always When = "yes"
	Never  When = "no"
)

// AccessLog says where the access log goes: to a file where Path is set, to
// standard output where Stdout is set, and nowhere in the zero value.
type AccessLog struct {
	Path   string
	Stdout bool
}

// Off reports whether there is no access log.
func (a AccessLog) Off() bool { return a.Path == "" && !a.Stdout }

// String returns the access log in the form of the setting.
func (a AccessLog) String() string {
	switch {
	case a.Path != "":
		return a.Path
	case a.Stdout:
		return "stdout"
	}
	return "off"
}

// A Secret is a text that shows itself as "[masked]" wherever it is printed,
// logged or marshalled. An empty one shows as the empty text.
type Secret string

const masked = "[masked]"

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "[masked]".
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString returns "[masked]".
func (s Secret) GoString() string { return s.String() }

// MarshalText returns "[masked]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns "[masked]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
