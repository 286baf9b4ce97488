package config

import (
	"fmt"
	"log/slog"
	"net/mail"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Value is the value of one setting as it is in force, fit to be shown.
type Value struct {
	Name   string
	Value  string // no secret in it; "" where there is none
	Origin Origin
}

// Values returns every setting in force, in the order of [Settings].
func (c Config) Values() []Value { return slices.Clone(c.values) }

// Dump returns every setting in force as a line NAME=value with its origin in
// brackets. It contains no secret.
func (c Config) Dump() string {
	var b strings.Builder
	for _, v := range c.values {
		fmt.Fprintf(&b, "%s=%s (%s)\n", v.Name, v.Value, v.Origin)
	}
	return b.String()
}

// Secrets returns the texts that must appear nowhere: passwords and keys.
func (c Config) Secrets() []string {
	all := []string{c.SecretKey.Reveal(), c.Mail.Password.Reveal()}
	all = append(all, c.Database.passwords()...)
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// values returns what is in force once everything is read.
func (l *loader) values() []Value {
	c := &l.cfg
	shown := map[string]string{
		"LISTEN":           c.Listen.String(),
		"TRUSTED_PROXIES":  list(c.TrustedProxies, netip.Prefix.String),
		"DATA_DIR":         c.DataDir,
		"DATABASE_URL":     c.Database.String(),
		"SECRET_KEY":       c.SecretKey.String(),
		"MAIL_SERVER":      c.Mail.Server,
		"MAIL_USERNAME":    c.Mail.Username,
		"MAIL_PASSWORD":    c.Mail.Password.String(),
		"ADMINS":           list(c.Admins, addressText),
		"LOG_DIR":          c.LogDir,
		"LOG_MAX_BYTES":    strconv.FormatInt(c.LogMaxBytes, 10),
		"LOG_BACKUPS":      strconv.Itoa(c.LogBackups),
		"LOG_FORMAT":       c.LogFormat,
		"LOG_LEVEL":        levelName(c.LogLevel),
		"LOG_TO_STDOUT":    string(c.LogToStdout),
		"ACCESS_LOG":       c.AccessLog.String(),
		"ACCESS_MAX_BYTES": strconv.FormatInt(c.AccessMaxBytes, 10),
		"ACCESS_BACKUPS":   strconv.Itoa(c.AccessBackups),
	}
	if c.BaseURL != nil {
		shown["BASE_URL"] = c.BaseURL.String()
	}
	if c.Mail.Enabled() {
		shown["MAIL_PORT"] = strconv.Itoa(c.Mail.Port)
		shown["MAIL_USE_TLS"] = string(c.Mail.TLS)
		shown["MAIL_FROM"] = addressText(c.Mail.From)
	}
	all := make([]Value, len(l.settings))
	for i, s := range l.settings {
		all[i] = Value{Name: s.Name, Value: shown[s.Name], Origin: fromDefault}
		if in, ok := l.given[s.Name]; ok {
			all[i].Origin = in.origin
		} else if all[i].Value == "" {
			all[i].Origin = notSet
		}
	}
	return all
}

func list[T any](items []T, text func(T) string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = text(item)
	}
	return strings.Join(texts, ", ")
}

// addressText returns the address without angle brackets where it can do
// without.
func addressText(a mail.Address) string {
	if bare, err := mail.ParseAddress(a.Address); err == nil && *bare == a {
		return a.Address
	}
	return a.String()
}

func levelName(level slog.Level) string {
	for name, l := range levels {
		if l == level && name != "warn" {
			return name
		}
	}
	return level.String()
}
