package supervisor

import (
	"errors"
	"net"

	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/mailbox"
)

// administrator is who gets the application's mails to its administrators where nobody is named.
const administrator = "admin@localhost"

// openMailbox runs the mailbox, and tells the application to send its mails there, unless it has a mail server already.
func (s *supervisor) openMailbox(set settings) error {
	if s.options.NoMailbox || set.get("MAIL_SERVER") != "" {
		return nil
	}
	options := mailbox.Options{Out: s.term.Lines(), Quiet: true}
	box, err := mailbox.Start(options)
	if taken := (*address.ListenError)(nil); errors.As(err, &taken) && taken.InUse {
		// Most likely that of another application: this one gets its own.
		options.SMTP, options.HTTP = "127.0.0.1:0", "127.0.0.1:0"
		box, err = mailbox.Start(options)
	}
	if err != nil {
		return err
	}
	s.mailbox = box
	host, port, err := net.SplitHostPort(box.SMTPAddr())
	if err != nil {
		return err
	}
	// Without a server the other settings of mail are for none: the mailbox has a port of its own, and no TLS.
	s.mailSettings = []string{"MAIL_SERVER=" + host, "MAIL_PORT=" + port, "MAIL_USE_TLS="}
	if set.get("ADMINS") == "" {
		s.mailSettings = append(s.mailSettings, "ADMINS="+administrator)
	}
	return nil
}
