package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// minSecretKey is how many characters SECRET_KEY must have.
const minSecretKey = 16

// data reads the settings of what is kept.
func (l *loader) data() {
	l.cfg.DataDir = l.path("DATA_DIR", "data")
	l.cfg.Database = Database{Kind: SQLite, Path: filepath.Join(l.cfg.DataDir, "microblog.db")}
	if text, ok := l.get("DATABASE_URL"); ok {
		db, wrong := parseDatabase(text)
		if wrong != "" {
			l.wrong("DATABASE_URL", "%s", wrong)
		}
		l.cfg.Database = db
	}
	if text, ok := l.get("SECRET_KEY"); ok {
		if wrong := checkSecretKey(text); wrong != "" {
			l.wrong("SECRET_KEY", "%s", wrong)
		}
		if strings.TrimSpace(text) != text {
			l.warn("SECRET_KEY begins or ends with a space, which is part of it.")
		}
		l.cfg.SecretKey = Secret(text)
	}
}

func checkSecretKey(text string) (wrong string) {
	runes := []rune(text)
	if len(runes) < minSecretKey {
		return fmt.Sprintf("has only %d characters", len(runes))
	}
	if len(slices.Compact(runes)) == 1 {
		return "is one character, repeated"
	}
	if strings.EqualFold(text, "you-will-never-guess") {
		return "is printed in a well-known tutorial"
	}
	return ""
}

// sslModes are the values of sslmode in a PostgreSQL URL.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-SSLMODE
var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// parseDatabase reads sqlite:PATH or the URL of a PostgreSQL database. What is
// wrong never repeats a part of the text, which may hold a password.
func parseDatabase(text string) (db Database, wrong string) {
	scheme, rest, found := strings.Cut(text, ":")
	if !found {
		return db, "does not begin with sqlite: or postgres://"
	}
	switch strings.ToLower(scheme) {
	case "sqlite", "sqlite3":
		return parseSQLite(rest)
	case "postgres", "postgresql":
		return parsePostgres(text, rest)
	}
	return db, "does not begin with sqlite: or postgres://"
}

func parseSQLite(path string) (db Database, wrong string) {
	switch {
	case path == "":
		return db, "has no path after sqlite:"
	case strings.HasPrefix(path, "//"):
		return db, "has two slashes after sqlite:, which some programs read as a relative and some as an absolute path; the path follows the colon at once"
	case strings.EqualFold(path, ":memory:"):
		return db, "is a database in memory, which would be lost at the end; a file is needed"
	case strings.HasPrefix(strings.ToLower(path), "file:") || strings.ContainsAny(path, "?#"):
		return db, "has options in it; only the path of a file can be given"
	case strings.Contains(path, "://"):
		return db, "has the URL of another database after sqlite:"
	case strings.HasSuffix(path, "/"):
		return db, "ends in a slash, but the database is a file"
	}
	return Database{Kind: SQLite, Path: path}, ""
}

func parsePostgres(text, rest string) (db Database, wrong string) {
	if !strings.HasPrefix(rest, "//") {
		return db, "has no // after the colon"
	}
	u, err := url.Parse(text)
	if err != nil { // the error would repeat the password
		return db, "is not a URL; special characters in the user and the password must be percent-encoded: @ as %40, : as %3A, / as %2F, # as %23, % as %25"
	}
	query, err := url.ParseQuery(u.RawQuery)
	switch {
	case err != nil:
		return db, "has a part after the ? that cannot be read"
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return db, "has a # in it; in a password it is written %23"
	case u.Host == "" && !query.Has("host"):
		return db, "has no host"
	case strings.Trim(u.Path, "/") == "" && !query.Has("dbname") && !query.Has("database"):
		return db, "names no database after the host"
	case strings.Contains(strings.Trim(u.Path, "/"), "/"):
		return db, "has a slash in the name of the database, or in the password, where it is written %2F"
	}
	for host := range strings.SplitSeq(u.Host, ",") {
		if _, port, ok := strings.Cut(host[strings.LastIndex(host, "]")+1:], ":"); ok {
			if _, wrong := parseCount(port, 1, 65535); wrong != "" {
				return db, "has a port that is no number from 1 to 65535"
			}
		}
	}
	if query.Has("sslmode") && !slices.Contains(sslModes, query.Get("sslmode")) {
		return db, "has an sslmode other than " + strings.Join(sslModes, ", ")
	}
	return Database{Kind: Postgres, URL: Secret(text)}, ""
}

var passwordOption = regexp.MustCompile(`(?i)\b((?:ssl)?password=)[^&]*`)

// redactURL masks the password in the URL of a database. It works on what is
// no proper URL, too, and then masks rather too much.
func redactURL(text string) string {
	if strings.HasPrefix(text, "sqlite:") && !strings.Contains(text, "://") {
		return text
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		if strings.Contains(text, "@") || strings.Contains(strings.ToLower(text), "password") {
			return masked
		}
		return text
	}
	// A password that is not encoded may hold any character, even a slash or
	// an @, so that all up to the last @ is taken for user and password.
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, _, hasPassword := strings.Cut(rest[:at], ":")
		switch {
		case strings.ContainsAny(user, "/?#"): // a slip of the finger: where the password begins is not known
			rest = masked + rest[at:]
		case hasPassword:
			rest = user + ":" + masked + rest[at:]
		}
	}
	return scheme + "://" + passwordOption.ReplaceAllString(rest, "${1}"+masked)
}

// passwords returns the passwords in the URL of a PostgreSQL database, as
// written and decoded.
func (d Database) passwords() []string {
	text := d.URL.Reveal()
	if text == "" {
		return nil
	}
	var all []string
	add := func(s string) {
		if s != "" && utf8.ValidString(s) && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil // parseDatabase lets none pass
	}
	if password, ok := u.User.Password(); ok {
		add(password)
		if _, raw, ok := strings.Cut(strings.TrimPrefix(text[:strings.LastIndex(text, "@")], u.Scheme+"://"), ":"); ok {
			add(raw)
		}
	}
	for _, key := range []string{"password", "sslpassword"} {
		add(u.Query().Get(key))
	}
	return all
}
