package logfile_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/slogtest"
	"time"
	"unicode"

	"example.org/microblog/fault/logfile"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		msg   string
		attrs []slog.Attr
		want  string
	}{
		{"plain", "Microblog startup", nil, `"Microblog startup"`},
		{"escapes", "\"\\\n\r\t\x00\x1b\x7f\u0085\u2028\u2029\u202e\xff<>&Größe🙂\U000e0041", nil,
			`"\"\\\n\r\t\u0000\u001b\u007f\u0085\u2028\u2029\u202e` + "\ufffd" + `<>&Größe🙂\udb40\udc41"`},
		{"values", "m", []slog.Attr{
			slog.Int("int", -5), slog.Uint64("uint", math.MaxUint64), slog.Float64("float", 0.25), slog.Float64("big", 1e100),
			slog.Float64("nan", math.NaN()), slog.Float64("inf", math.Inf(-1)), slog.Bool("bool", true),
			slog.Duration("duration", 1500*time.Millisecond), slog.Any("nil", nil),
			slog.Time("time", time.Date(2026, 11, 22, 14, 42, 52, 672_900_000, time.FixedZone("", 3600))),
		}, `"m","int":-5,"uint":18446744073709551615,"float":0.25,"big":1e+100,"nan":"NaN","inf":"-Inf","bool":true,"duration":1500000000,"nil":null,"attr_time":"2026-11-22T14:42:52.672+01:00"`},
		{"any", "m", []slog.Attr{
			slog.Any("struct", point{1, 2}), slog.Any("error", errors.New("no such\ntable")), slog.Any("text", texter{}),
			slog.Any("slice", []string{"<a>\u2028\u202e"}), slog.Any("valuer", password("secret")), slog.Any("func", func() {}),
			slog.Any("raw", json.RawMessage("{\n\"a\": 1\n}")),
		}, `"m","struct":{"X":1,"Y":2},"error":"no such\ntable","text":"as text","slice":["<a>\u2028\u202e"],"valuer":"[hidden]","func":"!ERROR: json: unsupported type: func()","raw":{"a":1}`},
		{"panic", "m", []slog.Attr{slog.Any("stack", broken{}), slog.Any("text", brokenText{})},
			`"m","stack":["!PANIC: runtime error: invalid memory address or nil pointer dereference"],"text":"!PANIC: runtime error: invalid memory address or nil pointer dereference"`},
		{"lines", "m", []slog.Attr{slog.Any("stack", stack{"a", "\tb\n"}), slog.Any("none", stack{})}, `"m","stack":["a","\tb\n"],"none":[]`},
		{"groups", "m", []slog.Attr{slog.Group("a", slog.Int("b", 1), slog.Group("c", slog.Int("level", 2)), slog.Group("empty", slog.Group("x"))), slog.Int("e", 3)},
			`"m","a":{"b":1,"c":{"level":2}},"e":3`},
		{"reserved names", "m", []slog.Attr{slog.String("level", "ERROR"), slog.String("msg", "x"), slog.Group("", slog.String("source", "y")), slog.Group("time", slog.Int("time", 1))},
			`"m","attr_level":"ERROR","attr_msg":"x","attr_source":"y","attr_time":{"time":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := formatted(logfile.HandlerOptions{Format: logfile.FormatJSON}, nil, slog.LevelInfo, tt.msg, tt.attrs...)
			if want := `{"level":"INFO","msg":` + tt.want + "}\n"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("not valid: %s", got)
			}
		})
	}
}

func TestJSONWith(t *testing.T) {
	t.Parallel()
	with := func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.Int("level", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Group("empty")}).
			WithAttrs([]slog.Attr{slog.Int("level", 2)}).WithGroup("").WithGroup("h").WithGroup("i")
	}
	o := logfile.HandlerOptions{Format: logfile.FormatJSON}
	for want, attrs := range map[string][]slog.Attr{
		`"attr_level":1,"g":{"level":2,"h":{"i":{"c":3}}}`: {slog.Int("c", 3)},
		`"attr_level":1,"g":{"level":2}`:                   {slog.Group("none")},
		`"attr_level":1,"g":{"level":2} `:                  nil,
	} {
		got := formatted(o, with, slog.LevelInfo, "m", attrs...)
		if want = `{"level":"INFO","msg":"m",` + strings.TrimSpace(want) + "}\n"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestJSONLineOfTheContract(t *testing.T) {
	t.Parallel()
	var r recorder
	slog.New(logfile.NewHandler(&r, logfile.HandlerOptions{Format: logfile.FormatJSON})).Warn("m", "a", 1)
	got := r.buf.String()
	if !regexp.MustCompile(`^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)","level":"WARNING","msg":"m","source":"(fault/)?logfile/json_test\.go:\d+","a":1\}\n$`).MatchString(got) {
		t.Errorf("got %q", got)
	}
}

func TestSlogtestJSON(t *testing.T) {
	var r *recorder
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		r = &recorder{}
		return logfile.NewHandler(r, logfile.HandlerOptions{Format: logfile.FormatJSON})
	}, func(t *testing.T) map[string]any {
		var result map[string]any
		if err := json.Unmarshal(r.buf.Bytes(), &result); err != nil {
			t.Fatal(err)
		}
		return result
	})
}

// FuzzJSON logs a record of arbitrary parts and reads it back.
func FuzzJSON(f *testing.F) {
	f.Add("Microblog startup", "key", "value", "group")
	f.Add("\n\r\u2028\u0085\x1b[0m\u202e\xff\"\\", "msg", "{", "level")
	f.Fuzz(func(t *testing.T, msg, key, value, group string) {
		var r recorder
		log := slog.New(logfile.NewHandler(&r, logfile.HandlerOptions{Format: logfile.FormatJSON}))
		log.WithGroup("top").With(slog.Group(group, key, value)).Info(msg, "stack", stack{value}, "any", []string{value})
		out := r.buf.String()
		for i, c := range strings.TrimSuffix(out, "\n") {
			if c != ' ' && !unicode.IsPrint(c) {
				t.Fatalf("%U at %d of %q", c, i, out)
			}
		}
		var got struct {
			Msg string
			Top map[string]json.RawMessage
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		valid := func(s string) string { return string([]rune(s)) } // bad UTF-8 replaced byte by byte
		if got.Msg != valid(msg) {
			t.Errorf("the message %q is %q", msg, got.Msg)
		}
		var text, above []string
		if err := errors.Join(json.Unmarshal(got.Top["stack"], &above), json.Unmarshal(got.Top["any"], &text)); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		if len(above) != 1 || above[0] != valid(value) || len(text) != 1 || text[0] != valid(value) {
			t.Errorf("the value %q is %q and %q", value, above, text)
		}
	})
}
