package outbox

import "fmt"

// texts say what happened.
var texts = map[kind]string{
	unknownHost:      "there is no host of this name",
	noResolver:       "the host's name cannot be looked up at the moment",
	connRefused:      "nothing accepts connections there",
	connTimeout:      "there is no answer to the attempt to connect",
	connUnreachable:  "there is no way to it from here",
	connFailed:       "the connection cannot be made",
	notSMTP:          "what answers there is no mail server",
	closedEarly:      "the connection was closed before the server greeted",
	silentGreeting:   "the server accepts the connection and stays silent",
	silentTLS:        "the server expects TLS from the first byte",
	turnedAway:       "the mail server turns us away",
	silent:           "the mail server did not answer in time",
	dropped:          "the connection was lost",
	garbled:          "the mail server's answer is not SMTP",
	endless:          "the mail server's answer does not end",
	cutShort:         "the attempt was ended from this side",
	noStartTLS:       "the mail server does not offer STARTTLS, and nothing is sent without it",
	startTLSRefused:  "the mail server offers STARTTLS and then refuses it",
	injected:         "something was sent unencrypted after STARTTLS had been agreed on, as an attacker would",
	plainPort:        "the server does not speak TLS from the first byte",
	handshake:        "TLS could not be established",
	certName:         "the mail server's certificate is for another name",
	certAuthority:    "the mail server's certificate was signed by an authority that is not known here",
	certExpired:      "the mail server's certificate has expired",
	certNotYet:       "the mail server's certificate is not valid yet",
	certInvalid:      "the mail server's certificate is not valid",
	noAuth:           "the mail server offers no AUTH, so we cannot log in",
	noMechanism:      "the mail server accepts none of the ways to log in that are known here (PLAIN, LOGIN, CRAM-MD5)",
	plainAuth:        "the password is not sent over a connection that is not encrypted",
	authRefused:      "the mail server refused the user name or the password",
	authFailed:       "the mail server cannot check the password at the moment",
	authRequired:     "the mail server wants us to log in, or to encrypt, first",
	confused:         "the mail server did not understand",
	senderRefused:    "the mail server refused the sender",
	recipientRefused: "the mail server refused the recipient",
	relayDenied:      "the mail server does not pass mails on to this recipient for us",
	dataRefused:      "the mail server refused the mail itself",
	tooBig:           "the mail is too big for the mail server",
	needsUTF8:        "the address has letters other than ASCII, which this mail server cannot handle (it offers no SMTPUTF8)",
	busy:             "the mail server says that we shall try again later",
	noRoom:           "the mail server has no room for the recipient's mail, or takes no more recipients at once",
}

func (k kind) text() string { return texts[k] }

// advice says in plain language what to change.
func (t *trouble) advice(s *Server) string {
	n := &s.Names
	tlsSetting := func(m TLSMode) string {
		if m == Implicit {
			return n.TLS + "=" + n.Implicit
		}
		return n.TLS + "=" + n.STARTTLS
	}
	ports := fmt.Sprintf("The usual ports are 587 with %s, 465 with %s, and 25 between mail servers", tlsSetting(StartTLS), tlsSetting(Implicit))
	switch t.kind {
	case unknownHost:
		return fmt.Sprintf("Check the spelling of %s; it must be the name of your mail provider's SMTP server, such as smtp.example.com, without http:// and without a port.", n.Host)
	case noResolver:
		return "Check that this machine has a network connection and that its name server (/etc/resolv.conf) answers."
	case connRefused:
		if s.Port == 25 {
			return fmt.Sprintf("Check %s and %s: no mail server is running there, or not on port %d. %s.", n.Host, n.Port, s.Port, ports)
		}
		return fmt.Sprintf("Check %s, which is %d, and whether the server is running. %s.", n.Port, s.Port, ports)
	case connTimeout:
		if s.Port == 25 {
			return fmt.Sprintf("Many providers block port 25. Set %s=587 and %s instead, or ask your provider to open it.", n.Port, tlsSetting(StartTLS))
		}
		return fmt.Sprintf("A firewall may be in the way, or %s=%d is wrong. %s.", n.Port, s.Port, ports)
	case connUnreachable:
		return "Check this machine's network connection, and that it can reach the address (IPv6 may be missing)."
	case connFailed:
		return fmt.Sprintf("Check %s and %s.", n.Host, n.Port)
	case notSMTP:
		return fmt.Sprintf("Check %s, which is %d: another service listens there. %s.", n.Port, s.Port, ports)
	case silentTLS:
		return fmt.Sprintf("Set %s, or use the port for STARTTLS, usually 587, with %s.", tlsSetting(Implicit), tlsSetting(StartTLS))
	case silentGreeting, closedEarly:
		if s.Port == 465 {
			return fmt.Sprintf("Port 465 expects TLS from the first byte: set %s, or %s=587 with %s.", tlsSetting(Implicit), n.Port, tlsSetting(StartTLS))
		}
		return fmt.Sprintf("The server may be overloaded or hung, or this machine is not allowed to use it. Check %s. %s.", n.Port, ports)
	case turnedAway:
		if t.code < 500 {
			return "The server is too busy or distrusts this machine for the moment; its words say more."
		}
		return "The server takes no mails from this machine, perhaps because its address is on a blocklist. Ask whoever runs the server, or use your provider's own server with a user name."
	case silent:
		return "The server is slow or hung; try again, and ask whoever runs it."
	case dropped:
		return "The server or something on the way ends the connection, a firewall or a virus scanner perhaps. Try again, and look into the server's log."
	case garbled, endless, confused:
		return fmt.Sprintf("Check that %s and %s name a mail server for submission; something on the way, such as a firewall's mail filter, may also distort what is said.", n.Host, n.Port)
	case cutShort:
		return "Try again, and let it run to its end."
	case noStartTLS:
		switch s.Port {
		case 465:
			return fmt.Sprintf("Port 465 uses TLS from the first byte: set %s.", tlsSetting(Implicit))
		case 25:
			return fmt.Sprintf("Set %s=587, where most servers offer it. If the server really has no TLS, as one on this machine may, leave %s empty. If it used to offer it, somebody on the way may be removing it.", n.Port, n.TLS)
		}
		return fmt.Sprintf("Check %s. If the server really has no TLS, as one on this machine may, leave %s empty. If it used to offer it, somebody on the way may be removing it.", n.Port, n.TLS)
	case startTLSRefused:
		return "The server's TLS is not set up, or out of order for the moment: look into its log."
	case injected:
		return "Do not use this network for mail. Somebody on the way is interfering, or the server is badly broken."
	case plainPort:
		return fmt.Sprintf("Set %s (STARTTLS), which ports 587 and 25 use, or %s=465. If the server speaks plain SMTP only, as one on this machine may, leave %s empty.", tlsSetting(StartTLS), n.Port, n.TLS)
	case handshake:
		return "The server's TLS may be too old (it must have version 1.2 at least) or wrongly set up. Look into its log."
	case certName:
		return fmt.Sprintf("Set %s to a name that the certificate is for, or have the server's certificate corrected.", n.Host)
	case certAuthority:
		return "If the server has a certificate of your own, add its authority to the trusted ones of this system. If not, install the package ca-certificates; if it is there, somebody on the way may be posing as the server."
	case certExpired:
		return "Whoever runs the mail server must renew its certificate. Check also that this machine's clock is right."
	case certNotYet:
		return "Check that this machine's clock is right."
	case certInvalid:
		return "Whoever runs the mail server must correct its certificate."
	case noAuth:
		if s.TLS == Off {
			return fmt.Sprintf("Servers offer it only after encryption: set %s with %s=587, or %s with %s=465. Or, if the server needs no login, leave %s empty.", tlsSetting(StartTLS), n.Port, tlsSetting(Implicit), n.Port, n.Username)
		}
		return fmt.Sprintf("Use the port for submission, usually 587, in %s; or, if the server needs no login, leave %s empty.", n.Port, n.Username)
	case noMechanism:
		return "Allow one of these ways on the server. Some providers want an app password instead of their own ways: look into their help."
	case plainAuth:
		return fmt.Sprintf("Set %s with %s=587, or %s with %s=465. Or, if the server needs no login, leave %s and %s empty.", tlsSetting(StartTLS), n.Port, tlsSetting(Implicit), n.Port, n.Username, n.Password)
	case authRefused:
		return fmt.Sprintf("Check %s and %s. Many providers want an app password here instead of the account's own, above all with two-factor login (Gmail does), and the user name is often the whole e-mail address.", n.Username, n.Password)
	case authFailed:
		return "The server has a difficulty of its own."
	case authRequired:
		if s.Username == "" {
			return fmt.Sprintf("Set %s and %s, and %s if the server wants encryption.", n.Username, n.Password, tlsSetting(StartTLS))
		}
		return fmt.Sprintf("Set %s with %s=587, or %s with %s=465.", tlsSetting(StartTLS), n.Port, tlsSetting(Implicit), n.Port)
	case senderRefused:
		return fmt.Sprintf("Set %s to an address that this server may send for, usually that of the account in %s.", n.From, n.Username)
	case recipientRefused:
		return fmt.Sprintf("Check the address in %s; the server's words say why it does not take it.", n.To)
	case relayDenied:
		if s.Username == "" {
			return fmt.Sprintf("Set %s and %s: the server passes mails on only for those who log in. Or use the server that is responsible for the recipient.", n.Username, n.Password)
		}
		return fmt.Sprintf("Set %s to an address of the account in %s, and ask whoever runs the server to let it send to others.", n.From, n.Username)
	case dataRefused:
		return fmt.Sprintf("The server's words say why. If it takes the mail for spam, let %s be an address of the server's own domain and add this sender to its list of allowed ones.", n.From)
	case tooBig:
		return "Raise the size of mails that the server accepts."
	case needsUTF8:
		return "Use an address in ASCII; a domain name has such a form, which begins with xn--."
	case busy:
		return "Servers say so to strangers at first (greylisting), to whom sends too much, and when they are overloaded."
	case noRoom:
		return fmt.Sprintf("The mailbox of the address in %s may be full: empty it, or give it more room.", n.To)
	}
	return ""
}
