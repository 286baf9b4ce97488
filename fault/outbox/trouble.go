package outbox

import (
	"fmt"
	"strings"
)

// A trouble is why a step failed.
type trouble struct {
	step string // one of the Step constants
	kind kind
	code int    // the server's reply code; 0: it did not answer, or not in SMTP
	said string // its words, one line, without secrets
	err  error  // what went wrong, where that is known by an error
	more string // a detail that belongs into the advice
}

// kind says what sort of trouble it is; advice.go says what to do about it.
type kind int

const (
	_ kind = iota
	// There is no talking with the server.
	unknownHost     // the name does not exist
	noResolver      // the name cannot be looked up now
	connRefused     // nothing listens on that port
	connTimeout     // nothing answers there
	connUnreachable // no way to it
	connFailed      // any other error
	notSMTP         // what answers there is something else
	closedEarly     // it closed the connection instead of greeting
	silentGreeting  // it says nothing
	silentTLS       // it says nothing, but answers to TLS: wants it from the first byte
	turnedAway      // greeting or EHLO refused
	silent          // no answer in time
	dropped         // the connection ended in the middle
	garbled         // the answer is no SMTP
	endless         // the answer does not end
	cutShort        // we ended it
	// TLS.
	noStartTLS      // STARTTLS is not offered
	startTLSRefused // it is offered and refused
	injected        // something came unencrypted after STARTTLS was agreed on
	plainPort       // implicit TLS, but the server talks in the clear
	handshake       // any other failure of TLS
	certName        // a certificate for another name
	certAuthority   // signed by somebody unknown
	certExpired
	certNotYet
	certInvalid // any other flaw
	// AUTH.
	noAuth       // not offered
	noMechanism  // none that we speak
	plainAuth    // not encrypted, so we do not do it
	authRefused  // user name or password are wrong
	authFailed   // the server cannot check it now
	authRequired // the server wants AUTH, or TLS, before it takes mails
	// The mail.
	confused         // the server does not know a command, or says it is out of order
	senderRefused    // for good
	recipientRefused // for good
	relayDenied      // for good: the server does not take mails for others from us
	dataRefused      // for good
	tooBig           // for good
	needsUTF8        // for good: an address with other than ASCII letters, and no SMTPUTF8
	busy             // the server says: later
	noRoom           // 552 for a recipient
)

// Error describes it without advice: "AUTH: the mail server refused the user name or the password
// (535 5.7.8 …)".
func (t *trouble) Error() string {
	text := t.step + ": " + t.kind.text()
	if t.more != "" {
		text += ": " + t.more
	}
	if t.said != "" {
		text += " (it said: " + t.said + ")"
	} else if t.err != nil {
		text += " (" + line(t.err.Error(), 300) + ")"
	}
	return text
}

func (t *trouble) Unwrap() error { return t.err }

// ofServer says whether other mails would fare the same now.
func (t *trouble) ofServer() bool { return t.kind < senderRefused || t.code == 421 }

// permanent says whether trying again is of no use. Only a refusal of this very mail or recipient is:
// what can be mended by a setting or by the server's operator is tried again.
func (t *trouble) permanent() bool {
	switch t.kind {
	case senderRefused, recipientRefused, relayDenied, dataRefused, tooBig, needsUTF8:
		return true
	}
	return false
}

// kindOfReply says what a refusal of MAIL, RCPT or DATA means (RFC 5321 4.2, RFC 3463, RFC 4954 6).
func kindOfReply(step string, code int, said string) kind {
	switch code {
	case 500, 502, 503:
		return confused
	case 530, 534, 535, 538:
		return authRequired
	case 521:
		return turnedAway
	}
	if code < 500 {
		return busy
	}
	switch step {
	case StepSender:
		if code == 552 {
			return tooBig
		}
		return senderRefused
	case StepRecipient:
		if code == 552 {
			return noRoom // RFC 5321 4.5.3.1.10: not for good
		}
		if said := strings.ToLower(said); strings.Contains(said, "relay") {
			return relayDenied
		}
		return recipientRefused
	}
	if code == 552 || strings.Contains(said, "5.3.4") || strings.Contains(said, "5.2.3") {
		return tooBig
	}
	return dataRefused
}

// refusal is the trouble of a refused MAIL, RCPT or DATA.
func refusal(step string, r reply) *trouble {
	return &trouble{step: step, kind: kindOfReply(step, r.code, r.text), code: r.code, said: r.String()}
}

// reply is what the server said.
type reply struct {
	code int
	text string // one line, without secrets
	raw  string // as it came, lines divided by \n
}

func (r reply) String() string { return strings.TrimSpace(fmt.Sprintf("%d %s", r.code, r.text)) }
