package outbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// envelope is all of a waiting mail but the composed mail.
type envelope struct {
	Key       string    `json:"key"`
	Class     string    `json:"class,omitempty"`
	MessageID string    `json:"message_id"`
	Subject   string    `json:"subject"`
	From      string    `json:"from"` // address
	To        []string  `json:"to"`   // addresses
	Created   time.Time `json:"created"`
	Tries     int64     `json:"tries,omitempty"` // serverState.Tries when it was put
}

// attempts is what the attempts to send a mail came to so far.
type attempts struct {
	Made      int         `json:"made"`             // to which the server had an answer
	Failed    int         `json:"failed,omitempty"` // in a row, those included that the server's trouble ended
	Next      time.Time   `json:"next,omitzero"`
	LastError string      `json:"last_error,omitempty"`
	To        []recipient `json:"to,omitempty"` // as in the envelope; none: all pending
}

// recipient is how far the mail is with one of its recipients.
type recipient struct {
	State string `json:"state,omitempty"` // one of the constants below
	Said  string `json:"said,omitempty"`  // why it was refused, or not taken yet
}

const (
	pending = ""
	taken   = "taken"
	refused = "refused" // for good
)

// serverState is how the mail server is doing, for all processes that share the directory.
type serverState struct {
	Server string    `json:"server"` // which server and settings it is about
	Tries  int64     `json:"tries"`  // failed ones, ever
	Failed int       `json:"failed"` // in a row
	Since  time.Time `json:"since,omitzero"`
	Next   time.Time `json:"next,omitzero"`
	Error  string    `json:"error,omitempty"`
}

// outcome is the file of an Outcome, with what Entry has besides.
type outcome struct {
	Key       string    `json:"key"`
	Class     string    `json:"class,omitempty"`
	MessageID string    `json:"message_id"`
	Subject   string    `json:"subject"`
	To        []string  `json:"to"`
	Created   time.Time `json:"created"`
	Delivered bool      `json:"delivered"`
	At        time.Time `json:"at"`
	Attempts  int       `json:"attempts"`
	Reason    string    `json:"reason,omitempty"`
	Refused   []string  `json:"refused,omitempty"`
}

func (o *outcome) public() Outcome {
	return Outcome{Key: o.Key, Class: o.Class, MessageID: o.MessageID, Delivered: o.Delivered, At: o.At,
		Attempts: o.Attempts, Reason: o.Reason, Refused: o.Refused}
}

func (o *outcome) entry() Entry {
	state := GivenUp
	if o.Delivered {
		state = Delivered
	}
	return Entry{Key: o.Key, Class: o.Class, MessageID: o.MessageID, Subject: o.Subject, To: o.To,
		State: state, Created: o.Created, Attempts: o.Attempts, Settled: o.At, LastError: o.Reason}
}

var nameEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// fileName is the name of a mail's files without the suffix. Keys themselves would not do: file
// systems differ about case and about what they allow.
func fileName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return nameEncoding.EncodeToString(sum[:16])
}

// encodeMail makes the file of a waiting mail.
func encodeMail(e envelope, message []byte) ([]byte, error) {
	line, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return frame(kindMail, append(append(line, '\n'), message...)), nil
}

// decodeMail reads the file of a waiting mail of that name.
func decodeMail(name string, file []byte) (envelope, []byte, error) {
	var e envelope
	content, err := unframe(kindMail, file)
	if err != nil {
		return e, nil, err
	}
	line, message, _ := bytes.Cut(content, []byte("\n"))
	if err := json.Unmarshal(line, &e); err != nil {
		return e, nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if fileName(e.Key) != name || len(e.To) == 0 || strings.ContainsAny(e.From+strings.Join(e.To, ""), "\r\n") {
		return e, nil, errDamaged
	}
	return e, message, nil
}

// encodeJSON makes a file of the other kinds.
func encodeJSON(kind string, v any) ([]byte, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return frame(kind, append(content, '\n')), nil
}

// decodeJSON reads one.
func decodeJSON(kind string, file []byte, v any) error {
	content, err := unframe(kind, file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}
