package devlink_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devlink"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []devlink.Message
		err  error
	}{
		"nothing":         {"", nil, io.EOF},
		"one":             {`{"type":"noted","seq":3}` + "\n", []devlink.Message{{Type: "noted", Seq: 3}}, io.EOF},
		"CR LF and space": {` {"type":"noted"} ` + "\r\n", []devlink.Message{{Type: "noted"}}, io.EOF},
		"two":             {`{"type":"a"}` + "\n" + `{"type":"b","files":["x"]}` + "\n", []devlink.Message{{Type: "a"}, {Type: "b", Files: []string{"x"}}}, io.EOF},
		"unknown member":  {`{"type":"a","new":1}` + "\n", []devlink.Message{{Type: "a"}}, io.EOF},
		"cut off":         {`{"type":"a"}` + "\n" + `{"type":"b"}`, []devlink.Message{{Type: "a"}}, io.ErrUnexpectedEOF},
		"empty line":      {"\n", nil, devlink.ErrMessage},
		"no object":       {"[]\n", nil, devlink.ErrMessage},
		"no type":         {"{}\n", nil, devlink.ErrMessage},
		"other type":      {`{"type":1}` + "\n", nil, devlink.ErrMessage},
		"too long":        {`{"type":"a","error":"` + strings.Repeat("x", devlink.MaxLine) + `"}` + "\n", nil, devlink.ErrMessage},
		"longer than a buffer": {`{"type":"a","error":"` + strings.Repeat("x", 1<<20) + `"}` + "\n" + `{"type":"b"}` + "\n",
			[]devlink.Message{{Type: "a", Error: strings.Repeat("x", 1<<20)}, {Type: "b"}}, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := bufio.NewReader(strings.NewReader(test.text))
			var got []devlink.Message
			var err error
			for err == nil {
				var m devlink.Message
				if m, err = devlink.Read(r); err == nil {
					got = append(got, m)
				}
			}
			if !reflect.DeepEqual(got, test.want) || !errors.Is(err, test.err) {
				t.Errorf("%d messages, %v; want %d, %v", len(got), err, len(test.want), test.err)
			}
		})
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	if _, err := (devlink.Message{Type: "a", Error: strings.Repeat("x", devlink.MaxLine)}).Line(); err == nil {
		t.Error("a message that nobody would read was made")
	}
	if _, err := (devlink.Message{Type: "a", Failure: []byte("{")}).Line(); err == nil {
		t.Error("a message that is no JSON was made")
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello","pid":4711}`, `{"type":"failed","seq":1,"request":"x","failure":{"id":""}}`,
		`{"type":"changed","files":["/a","/b"]}`, `{}`, "[", "\x00", `{"type":"a","failure":null}`, `{"type":"\ud800"}`,
	} {
		f.Add([]byte(seed + "\n"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := devlink.Read(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		line, err := m.Line()
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", m, err)
		}
		again, err := devlink.Read(bufio.NewReader(bytes.NewReader(line)))
		if err != nil {
			t.Fatalf("%q cannot be read again: %v", line, err)
		}
		twice, err := again.Line()
		if err != nil || !bytes.Equal(line, twice) {
			t.Errorf("%q became %q, %v", line, twice, err)
		}
	})
}
