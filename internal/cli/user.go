package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// usersPerPage is how many people one query of the list brings.
const usersPerPage = 500

// userCommand is microblog user.
type userCommand struct {
	Add      userAdd      `cmd:"" help:"Register somebody. The password is asked for, or read from standard input."`
	List     userList     `cmd:"" help:"List the registered people."`
	Password userPassword `cmd:"" help:"Set somebody's password and end their sessions. It is asked for, or read from standard input."`
	Admin    userAdmin    `cmd:"" help:"Make somebody an administrator, or take that away."`
}

type userAdd struct {
	Username string `arg:"" help:"The name, such as susan."`
	Email    string `arg:"" help:"The e-mail address."`
	Admin    bool   `help:"Make them an administrator."`
}

// Run registers one person by the rules of the web form.
func (c *userAdd) Run(ctx context.Context, in *invocation) error {
	username, nameErr := microblog.CheckUsername(c.Username)
	if nameErr != nil && microblog.Reserved(c.Username) {
		// Reserved names are kept from strangers, not from whoever runs the site.
		username, nameErr = microblog.CheckRename(c.Username, c.Username)
	}
	email, emailErr := microblog.CheckEmail(c.Email)
	if err := errors.Join(nameErr, emailErr); err != nil {
		return fieldErrors(err)
	}
	return in.withStore(ctx, migrated(ctx, func(db *store.Store) error {
		if err := db.CheckFree(ctx, username, email); err != nil {
			return fieldErrors(err)
		}
		hash, err := in.newPasswordHash(ctx, username, email)
		if err != nil {
			return err
		}
		user, err := db.CreateUser(ctx, store.NewUser{Username: username, Email: email, PasswordHash: hash, Admin: c.Admin})
		if err != nil {
			return fieldErrors(err)
		}
		fmt.Fprintf(in.Out, "%s is registered.\n", user.Username)
		return nil
	}))
}

type userList struct{}

// Run lists everybody, by id.
func (userList) Run(ctx context.Context, in *invocation) error {
	return in.withExistingStore(ctx, migrated(ctx, func(db *store.Store) error {
		w := tabwriter.NewWriter(in.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tUSERNAME\tEMAIL\tPOSTS\tREGISTERED\tLAST SEEN\tADMIN")
		for after := int64(0); ; {
			people, err := db.Users(ctx, after, usersPerPage)
			if err != nil {
				return err
			}
			for _, u := range people {
				fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\t%s\n", u.ID, u.Username, u.Email, u.PostCount,
					day(u.CreatedAt, "-"), day(u.LastSeen, "never"), yes(u.Admin))
				after = u.ID
			}
			if len(people) < usersPerPage {
				return w.Flush()
			}
		}
	}))
}

func day(t time.Time, never string) string {
	if t.IsZero() {
		return never
	}
	return t.UTC().Format(time.DateOnly)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

type userPassword struct {
	Username string `arg:"" help:"Whose password."`
}

// Run replaces one person's password.
func (c *userPassword) Run(ctx context.Context, in *invocation) error {
	return in.withPerson(ctx, c.Username, func(db *store.Store, user microblog.User) error {
		hash, err := in.newPasswordHash(ctx, user.Username, user.Email)
		if err != nil {
			return err
		}
		if _, err := db.SetPassword(ctx, user.ID, hash); err != nil {
			return err
		}
		fmt.Fprintf(in.Out, "The password of %s is set, and their sessions are ended.\n", user.Username)
		return nil
	})
}

type userAdmin struct {
	Username string `arg:"" help:"Who."`
	Remove   bool   `help:"Take the administrator's rights away."`
}

// Run changes whether one person is an administrator.
func (c *userAdmin) Run(ctx context.Context, in *invocation) error {
	return in.withPerson(ctx, c.Username, func(db *store.Store, user microblog.User) error {
		if err := db.SetAdmin(ctx, user.ID, !c.Remove); err != nil {
			return err
		}
		if c.Remove {
			fmt.Fprintf(in.Out, "%s is no administrator any more.\n", user.Username)
			return nil
		}
		fmt.Fprintf(in.Out, "%s is an administrator.\n", user.Username)
		return nil
	})
}

// withPerson runs work for the person of that username.
func (in *invocation) withPerson(ctx context.Context, username string, work func(*store.Store, microblog.User) error) error {
	return in.withExistingStore(ctx, migrated(ctx, func(db *store.Store) error {
		user, err := db.UserByLogin(ctx, username)
		if errors.Is(err, microblog.ErrNotFound) {
			return fmt.Errorf("nobody is registered as %q; microblog user list shows who is", username)
		}
		if err != nil {
			return err
		}
		return work(db, user)
	}))
}

// newPasswordHash asks for a new password and hashes it.
func (in *invocation) newPasswordHash(ctx context.Context, personal ...string) (string, error) {
	password, err := in.readPassword()
	if err != nil {
		return "", err
	}
	if err := microblog.CheckPassword(password, personal...); err != nil {
		return "", fieldErrors(err)
	}
	return new(microblog.Hasher).Hash(ctx, password)
}

// readPassword reads it twice without echo from a terminal, or one line from anything else.
func (in *invocation) readPassword() (string, error) {
	f, ok := in.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(in.In, 2*microblog.MaxPassword)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("reading the password from standard input: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(in.Err, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(in.Err)
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		return string(b), nil
	}
	password, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	again, err := ask("Repeat the password: ")
	if err != nil {
		return "", err
	}
	if err := microblog.CheckPassword2(password, again); err != nil {
		return "", fieldErrors(err)
	}
	return password, nil
}

// fieldErrors puts what the rules said into the words of the command line.
func fieldErrors(err error) error {
	fields := microblog.FieldErrorsOf(err)
	if len(fields) == 0 {
		return err
	}
	lines := make([]string, len(fields))
	for i, f := range fields {
		lines[i] = f.Field + ": " + f.Text
	}
	return errors.New(strings.Join(lines, "\n"))
}
