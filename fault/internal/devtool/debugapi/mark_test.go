package debugapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	const text = "\treturn \"𝄞\" + users[i]"
	at := strings.Index(text, "users")
	for name, test := range map[string]struct {
		plain, valued *explain.Mark
		want          string // from, to; "" is none
	}{
		"without values":      {&explain.Mark{Line: 42, From: at, To: at + 5}, nil, "15 20"},
		"another with values": {&explain.Mark{Line: 42, From: at, To: at + 5}, &explain.Mark{Line: 42, From: at + 6, To: at + 7}, "21 22"},
		"with values only":    {nil, &explain.Mark{Line: 42, From: at, To: len(text)}, "15 23"},
		"none":                {nil, nil, ""},
		"of another line":     {&explain.Mark{Line: 41, From: 0, To: 1}, nil, ""},
		"behind the line":     {&explain.Mark{Line: 42, From: at, To: len(text) + 1}, nil, ""},
		"before the line":     {&explain.Mark{Line: 42, From: -1, To: 1}, nil, ""},
		"empty":               {&explain.Mark{Line: 42, From: 3, To: 3}, nil, ""},
		"within a character":  {&explain.Mark{Line: 42, From: 10, To: 14}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newServer(t, func(o *debugapi.Options) {
				o.Tools.Explain = func(_ *overlay.Failure, _ int, lookup func(string) (string, bool)) []debugapi.Explanation {
					if lookup == nil {
						return []debugapi.Explanation{{Title: "No part"}, {Title: "Some", Mark: test.plain}}
					}
					return []debugapi.Explanation{{Title: "Some", Text: "with values", Mark: test.valued}}
				}
			})
			c := login(t, s)
			f := newFailure("it failed")
			f.Excerpts[0][0].Text = text
			s.Add(f)
			mark := func(a answer) string {
				for _, f := range frames(a) {
					if f["frame"] != 0.0 {
						continue
					}
					if m, ok := f["source"].([]any)[0].(map[string]any)["mark"].(map[string]any); ok {
						return fmt.Sprint(m["from"], " ", m["to"])
					}
				}
				return ""
			}
			if test.valued == nil {
				if got := mark(c.get("/failures/" + f.ID.Full() + "?attach=no")); got != test.want {
					t.Errorf("marked without values: %q, want %q", got, test.want)
				}
			}
			a := c.until(f.ID.Full(), "the values", func(a answer) bool { return strings.Contains(string(a.body), "with values") })
			if got := mark(a); got != test.want {
				t.Errorf("marked: %q, want %q", got, test.want)
			}
			if f.Excerpts[0][0].Mark != (problem.Mark{}) {
				t.Error("the source of the failure itself was changed")
			}
		})
	}
}

// TestMarkLine marks what a real explanation knows of a line.
func TestMarkLine(t *testing.T) {
	t.Parallel()
	const line = "\treturn users[i]"
	f := newFailure("runtime error: index out of range [3] with length 2")
	f.Causes = fault.Cause{Message: f.Message, Type: "runtime.boundsError"}
	f.Excerpts[0][0].Text = line
	debugapi.MarkLine(f.Failure)
	if m := f.Excerpts[0][0].Mark; m.From >= m.To || !strings.Contains(line[m.From:m.To], "i") {
		t.Errorf("marked: %+v", m)
	}
	for _, none := range []*overlay.Failure{{Failure: &fault.Failure{}}, {Failure: &fault.Failure{Stack: f.Stack}}} {
		debugapi.MarkLine(none)
	}
}

// FuzzInUnits takes pieces of lines as JavaScript would.
func FuzzInUnits(f *testing.F) {
	f.Add("\treturn users[i]", 8, 13)
	f.Add("a𝄞b\xff\u202ec", 1, 5)
	f.Add("é", 1, 2)
	f.Add("", 0, 0)
	f.Add("abc", -1, 1<<40)
	f.Fuzz(func(t *testing.T, text string, from, to int) {
		got, ok := debugapi.InUnits(text, explain.Mark{From: from, To: to})
		if !ok {
			if utf8.ValidString(text) && from >= 0 && from < to && to <= len(text) && utf8.ValidString(text[from:to]) && utf8.ValidString(text[:from]) {
				t.Error("it is a piece, and was refused")
			}
			return
		}
		read := func(s string) (units []uint16) {
			b, err := json.Marshal(s)
			if err == nil {
				err = json.Unmarshal(b, &s)
			}
			if err != nil {
				t.Fatal(err)
			}
			return utf16.Encode([]rune(s))
		}
		if all := read(text); got.From >= got.To || got.To > len(all) || !slices.Equal(all[got.From:got.To], read(text[from:to])) {
			t.Errorf("%+v of %d is not %q", got, len(all), text[from:to])
		}
	})
}
