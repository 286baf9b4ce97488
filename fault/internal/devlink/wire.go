package devlink

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxLine bounds one message, in bytes. A failure with all that it may hold is smaller.
const MaxLine = 16 << 20

// ErrMessage is wrapped by the errors about a line that is no message.
var ErrMessage = errors.New("this is no message of fault run and its application")

// Read reads the next message. The error is io.EOF where the other end has closed the connection between
// two messages, and wraps [ErrMessage] where a line is none or is too long. A message of a type that is
// not known here is no error: the other end may be newer.
func Read(r *bufio.Reader) (Message, error) {
	line, err := readLine(r)
	if err != nil {
		return Message{}, err
	}
	var m Message
	if err := json.Unmarshal(line, &m); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if m.Type == "" {
		return Message{}, fmt.Errorf("%w: it has no type", ErrMessage)
	}
	return m, nil
}

func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			return nil, fmt.Errorf("%w: the line is longer than %d bytes", ErrMessage, MaxLine)
		}
		switch {
		case err == nil && line == nil:
			return part, nil // It is decoded before the next one is read.
		case err == nil:
			return append(line, part...), nil
		case errors.Is(err, bufio.ErrBufferFull):
			line = append(line, part...)
		case errors.Is(err, io.EOF) && len(line)+len(part) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// Line returns the message as it is sent, with the end of its line.
func (m Message) Line() ([]byte, error) {
	line, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("a message of the type %s: %w", m.Type, err)
	}
	if len(line) >= MaxLine {
		return nil, fmt.Errorf("a message of the type %s has %d bytes, and at most %d can be sent", m.Type, len(line), MaxLine)
	}
	return append(line, '\n'), nil
}
