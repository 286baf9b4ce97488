package mailbox

import (
	"cmp"
	"fmt"
	"strings"

	"example.org/microblog/fault/internal/devtool/address"
)

// complete checks the options and fills in the defaults.
func (o Options) complete() (Options, error) {
	o.SMTP, o.HTTP = cmp.Or(o.SMTP, DefaultSMTP), cmp.Or(o.HTTP, DefaultHTTP)
	o.Keep = cmp.Or(o.Keep, DefaultKeep)
	o.KeepBytes = cmp.Or(o.KeepBytes, DefaultKeepBytes)
	o.MaxMailBytes = cmp.Or(o.MaxMailBytes, DefaultMaxMailBytes)
	if err := o.checkAddress("SMTP", o.SMTP); err != nil {
		return o, err
	}
	if err := o.checkAddress("HTTP", o.HTTP); err != nil {
		return o, err
	}
	switch {
	case o.SMTP == o.HTTP && !strings.HasSuffix(o.SMTP, ":0"):
		return o, &OptionError{"HTTP", "the mails and the page cannot both be at " + o.HTTP}
	case o.Keep < 1:
		return o, &OptionError{"Keep", fmt.Sprintf("at least 1 mail is kept, not %d", o.Keep)}
	case o.KeepBytes < 0:
		return o, &OptionError{"KeepBytes", fmt.Sprintf("it is a number of bytes, not %d", o.KeepBytes)}
	case o.MaxMailBytes < 0:
		return o, &OptionError{"MaxMailBytes", fmt.Sprintf("it is a number of bytes, not %d", o.MaxMailBytes)}
	case o.MaxMailBytes > o.KeepBytes:
		return o, &OptionError{"MaxMailBytes", fmt.Sprintf("a mail may not be larger (%d bytes) than what is kept of all (%d)", o.MaxMailBytes, o.KeepBytes)}
	case o.Password != "" && o.Username == "":
		return o, &OptionError{"Username", "there is a password, but no user name"}
	}
	switch o.TLS {
	case TLSOff, TLSStartTLS, TLSImplicit:
	default:
		return o, &OptionError{"TLS", fmt.Sprintf("%q is no way of TLS: those are starttls and implicit", o.TLS)}
	}
	for _, host := range o.Hosts {
		if host == "" || strings.ContainsAny(host, ":/ ") {
			return o, &OptionError{"Hosts", fmt.Sprintf("%q is no name of a host: it has neither scheme nor port", host)}
		}
	}
	return o, o.checkPlan(o.Faults)
}

func (o Options) checkPlan(p Plan) error {
	if err := p.Check(); err != nil {
		return &OptionError{"Faults", err.Error()}
	}
	for _, r := range p.Rules {
		if r.Step == AtStartTLS && o.TLS != TLSStartTLS {
			return &OptionError{"Faults", fmt.Sprintf("%s: STARTTLS is offered only with TLS set to starttls", r)}
		}
	}
	return nil
}

// checkAddress checks HOST:PORT, and that only this machine can reach it unless more was asked for.
func (o Options) checkAddress(option, at string) error {
	host, _, err := address.Split(at)
	if err != nil {
		return &OptionError{option, err.Error()}
	}
	if o.Exposed || address.IsLoopback(host) {
		return nil
	}
	return &OptionError{"Exposed", fmt.Sprintf("other machines could reach %s, and whoever is there could read the mails", at)}
}
