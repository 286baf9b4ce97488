package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// mail reads the settings of mail.
func (l *loader) mail() {
	admins, adminsSet := l.get("ADMINS")
	if adminsSet {
		addresses, wrongs := parseAddresses(admins)
		for _, wrong := range wrongs {
			l.wrong("ADMINS", "%s", wrong)
		}
		l.cfg.Admins = addresses
	}

	m := Mail{}
	server, enabled := l.get("MAIL_SERVER")
	if enabled {
		host, wrong := parseMailServer(server)
		if wrong != "" {
			l.wrong("MAIL_SERVER", "%s", wrong)
		}
		m.Server = host
		if !adminsSet {
			l.wrong("ADMINS", "is required because MAIL_SERVER is set: without it nobody gets the error mails")
		}
	}
	m.TLS = one(l, "MAIL_USE_TLS", TLSOff, map[string]TLSMode{
		"0": TLSOff, "false": TLSOff, "no": TLSOff, "off": TLSOff,
		"1": TLSStart, "true": TLSStart, "yes": TLSStart, "on": TLSStart, "starttls": TLSStart,
		"implicit": TLSImplicit,
	})
	port := 25
	if m.TLS == TLSImplicit {
		port = 465
	}
	m.Port = l.count("MAIL_PORT", port, 1, 65535)
	m.Username, _ = l.get("MAIL_USERNAME")
	password, _ := l.get("MAIL_PASSWORD")
	m.Password = Secret(password)
	m.From = l.from(m)

	if !enabled {
		l.warnMailOff(adminsSet)
		return
	}
	l.cfg.Mail = m
	l.warnMail()
}

// from returns the sender.
func (l *loader) from(m Mail) mail.Address {
	if text, ok := l.get("MAIL_FROM"); ok {
		a, err := parseAddress(text)
		if err != nil {
			l.wrong("MAIL_FROM", "is not one e-mail address")
			return mail.Address{}
		}
		return *a
	}
	if a, err := parseAddress(m.Username); err == nil && a.Name == "" && a.Address == m.Username {
		return *a
	}
	host := m.Server
	if a, err := netip.ParseAddr(host); err == nil { // RFC 5321, section 4.1.3
		host = "[" + a.String() + "]"
		if a.Is6() {
			host = "[IPv6:" + a.WithZone("").String() + "]"
		}
	}
	return mail.Address{Address: "no-reply@" + host}
}

// warnMailOff warns of settings that have no effect without a server.
func (l *loader) warnMailOff(admins bool) {
	var idle []string
	for _, name := range []string{"MAIL_PORT", "MAIL_USE_TLS", "MAIL_USERNAME", "MAIL_PASSWORD", "MAIL_FROM"} {
		if _, ok := l.get(name); ok {
			idle = append(idle, name)
		}
	}
	if len(idle) > 0 {
		l.warn("%s: without effect, because MAIL_SERVER is not set and no mail is sent.", strings.Join(idle, ", "))
	} else if admins {
		l.warn("ADMINS: nobody gets an error mail, because MAIL_SERVER is not set.")
	}
}

// warnMail warns of settings of mail that do not go together.
func (l *loader) warnMail() {
	m := l.cfg.Mail
	switch {
	case m.Port == 465 && m.TLS != TLSImplicit:
		l.warn("MAIL_PORT is 465, where servers expect MAIL_USE_TLS=implicit, but it is %s.", m.TLS)
	case m.TLS == TLSImplicit && (m.Port == 25 || m.Port == 587):
		l.warn("MAIL_USE_TLS is implicit, but at port %d servers expect starttls.", m.Port)
	}
	switch {
	case m.Username != "" && m.Password == "":
		l.warn("MAIL_USERNAME is set without MAIL_PASSWORD.")
	case m.Username == "" && m.Password != "":
		l.warn("MAIL_PASSWORD is set without MAIL_USERNAME and is not used.")
	case m.Username != "" && m.TLS == TLSOff && !isLoopback(m.Server):
		l.warn("MAIL_PASSWORD would go to %s unencrypted, because MAIL_USE_TLS is off.", m.Server)
	}
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// parseMailServer reads a host name or an IP address, in brackets or not.
func parseMailServer(text string) (host, wrong string) {
	if strings.Contains(text, "://") {
		return "", "is a URL, not a host"
	}
	host = text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		host = text[1 : len(text)-1]
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host, checkHost(host)
	}
	if name, port, ok := strings.Cut(host, ":"); ok && !strings.Contains(port, ":") {
		return "", fmt.Sprintf("has a port in it; that is MAIL_SERVER=%s and MAIL_PORT=%s", show(Public, name), show(Public, port))
	}
	if wrong := checkHost(host); wrong != "" {
		return "", wrong
	}
	return host, ""
}

// parseAddress reads one e-mail address (RFC 5322), with or without a name.
func parseAddress(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err == nil && hidesControl(a) {
		return nil, errors.New("a control character is encoded in the name")
	}
	return a, err
}

// hidesControl reports whether the name, decoded (RFC 2047), has a control
// character in it.
func hidesControl(a *mail.Address) bool {
	return strings.ContainsFunc(a.Name+a.Address, unicode.IsControl)
}

// parseAddresses reads e-mail addresses (RFC 5322) separated by commas. One
// that comes twice, without regard to case, is taken once.
func parseAddresses(text string) (addresses []mail.Address, wrongs []string) {
	add := func(a *mail.Address) {
		same := func(b mail.Address) bool { return strings.EqualFold(a.Address, b.Address) }
		if !slices.ContainsFunc(addresses, same) {
			addresses = append(addresses, *a)
		}
	}
	// The whole first: a comma may stand in a quoted name.
	if list, err := mail.ParseAddressList(strings.Trim(text, ", ")); err == nil {
		if !slices.ContainsFunc(list, hidesControl) {
			for _, a := range list {
				add(a)
			}
			return addresses, nil
		}
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		a, err := parseAddress(item)
		if err != nil {
			wrongs = append(wrongs, fmt.Sprintf("%q is no e-mail address", show(Public, item)))
			continue
		}
		add(a)
	}
	if len(addresses) == 0 && len(wrongs) == 0 {
		wrongs = []string{"has no address in it"}
	}
	return addresses, wrongs
}
