package logfile_test

import (
	"context"
	"errors"
	"fmt"
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

// stack is a value with lines, as a stack trace is.
type stack []string

func (s stack) Lines() []string { return s }

type point struct{ X, Y int }

type named string

func (n named) String() string { return "named " + string(n) }

type texter struct{ err error }

func (m texter) MarshalText() ([]byte, error) { return []byte("as text"), m.err }

type broken struct{ p *point }

func (b broken) String() string               { return fmt.Sprint(b.p.X) }
func (b broken) Error() string                { return fmt.Sprint(b.p.X) }
func (b broken) Lines() []string              { return []string{fmt.Sprint(b.p.X)} }
func (b broken) MarshalJSON() ([]byte, error) { return []byte{byte(b.p.X)}, nil }

type brokenText struct{ p *point }

func (b brokenText) MarshalText() ([]byte, error) { return []byte{byte(b.p.X)}, nil }

type password string

func (password) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// textOf formats one record without time and source.
func formatted(o logfile.HandlerOptions, with func(slog.Handler) slog.Handler, level slog.Level, msg string, attrs ...slog.Attr) string {
	var r recorder
	h := logfile.NewHandler(&r, o)
	if with != nil {
		h = with(h)
	}
	rec := slog.NewRecord(time.Time{}, level, msg, 0)
	rec.AddAttrs(attrs...)
	if err := h.Handle(context.Background(), rec); err != nil {
		return err.Error()
	}
	return r.buf.String()
}

func TestText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		msg   string
		attrs []slog.Attr
		want  string
	}{
		{"plain", "Microblog startup", nil, "Microblog startup"},
		{"message of any script", "Größe 大きさ 🙂 ≥", nil, "Größe 大きさ 🙂 ≥"},
		{"quotes and backslashes inside", `say "hi" in C:\new`, nil, `say "hi" in C:\new`},
		{"empty", "", nil, `""`},
		{"message begins with a quote", `"x"`, nil, `"\"x\""`},
		{"message ends with a space", `x `, nil, `"x "`},
		{"message with a line break", "a\nERROR: b", nil, `"a\nERROR: b"`},
		{"message with separators", "a\u2028b\u2029c\u0085d\re\vf\fg\x00h\x1b[31mi", nil, `"a\u2028b\u2029c\u0085d\re\vf\fg\x00h\x1b[31mi"`},
		{"message that runs backwards", "a\u202eb\u2066c", nil, `"a\u202eb\u2066c"`},
		{"message of bad UTF-8", "a\xffb", nil, `"a\xffb"`},
		{"replacement character is fine", "a\ufffdb", nil, "a\ufffdb"},
		{"message like an attribute", "hello user=admin", nil, `"hello user=admin"`},
		{"message like a quoted key", `hello "user"=admin`, nil, `"hello \"user\"=admin"`},
		{"message with a lonely equals sign", "a = b", nil, "a = b"},
		{"message like the bracket", "x [in a.go:1]", nil, `"x [in a.go:1]"`},
		{"message with brackets", "x [y] z", nil, "x [y] z"},
		{"values", "m", []slog.Attr{
			slog.Int("int", -5), slog.Uint64("uint", math.MaxUint64), slog.Float64("float", 0.25), slog.Bool("bool", true),
			slog.Duration("duration", 1500*time.Millisecond), slog.Any("nil", nil),
			slog.Time("time", time.Date(2026, 11, 22, 14, 42, 52, 672_900_000, time.FixedZone("", 3600))),
		}, `m int=-5 uint=18446744073709551615 float=0.25 bool=true duration=1.5s nil=<nil> time=2026-11-22T14:42:52.672+01:00`},
		{"any", "m", []slog.Attr{
			slog.Any("struct", point{1, 2}), slog.Any("error", errors.New("no such table: user")), slog.Any("stringer", named("x")),
			slog.Any("text", texter{}), slog.Any("bytes", []byte("ab")), slog.Any("slice", []int{1, 2}),
			slog.Any("texterr", texter{errors.New("no")}), slog.Any("valuer", password("secret")),
		}, `m struct="{X:1 Y:2}" error="no such table: user" stringer="named x" text="as text" bytes=ab slice="[1 2]" texterr="!ERROR: no" valuer="[hidden]"`},
		{"strings", "m", []slog.Attr{
			slog.String("bare", "a/b?c:d,e;f"), slog.String("empty", ""), slog.String("space", "a b"), slog.String("quote", `a"b`),
			slog.String("equals", "a=b"), slog.String("bracket", "[in"), slog.String("control", "a\nb"), slog.String("backslash", `C:\new`),
			slog.String("bad", "\xc3("), slog.String("bidi", "\u202e"), slog.String("joiner", "a\u200db"), slog.String("script", "大きさ"),
		}, `m bare=a/b?c:d,e;f empty="" space="a b" quote="a\"b" equals="a=b" bracket="[in" control="a\nb" backslash=C:\new bad="\xc3(" bidi="\u202e" joiner="a\u200db" script=大きさ`},
		{"value like another key and the bracket", "m", []slog.Attr{slog.String("a", "1 user=admin [in x.go:1]")}, `m a="1 user=admin [in x.go:1]"`},
		{"keys", "m", []slog.Attr{slog.Int("a b", 1), slog.Int("a=b", 2), slog.Int("a\nb", 3), slog.Int("", 4), slog.Int("[in", 5)},
			`m "a b"=1 "a=b"=2 "a\nb"=3 ""=4 "[in"=5`},
		{"groups", "m", []slog.Attr{slog.Group("a", slog.Int("b", 1), slog.Group("c", slog.Int("d", 2)), slog.Group("empty")), slog.Int("e", 3)}, `m a.b=1 a.c.d=2 e=3`},
		{"group of a strange name", "m", []slog.Attr{slog.Group("a b", slog.Int("c", 1))}, `m "a b.c"=1`},
		{"panics", "m", []slog.Attr{slog.Any("text", brokenText{}), slog.Any("nil", (*brokenText)(nil))},
			`m text="!PANIC: runtime error: invalid memory address or nil pointer dereference" nil=<nil>`},
		{"lines", "m", []slog.Attr{slog.Any("stack", stack{"main.f()", "\tmain.go:7", "a\nb\u2028c\x1b\xff"}), slog.Int("a", 1)},
			"m a=1\n    main.f()\n    \tmain.go:7\n    a\\nb\\u2028c\\x1b\\xff"},
		{"several with lines", "m", []slog.Attr{slog.Any("a", stack{"x"}), slog.Group("g", slog.Any("b c", stack{"y"}))},
			"m\n    a:\n    x\n    \"g.b c\":\n    y"},
		{"no lines", "m", []slog.Attr{slog.Any("stack", stack{})}, "m"},
		{"panic in lines", "m", []slog.Attr{slog.Any("stack", broken{})}, "m\n    !PANIC: runtime error: invalid memory address or nil pointer dereference"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := formatted(logfile.HandlerOptions{}, nil, slog.LevelInfo, tt.msg, tt.attrs...)
			if want := "INFO: " + tt.want + "\n"; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestTextWith(t *testing.T) {
	t.Parallel()
	got := formatted(logfile.HandlerOptions{}, func(h slog.Handler) slog.Handler {
		return h.WithAttrs([]slog.Attr{slog.Int("a", 1), slog.Any("s", stack{"x"})}).WithGroup("g").
			WithAttrs([]slog.Attr{slog.Int("b", 2)}).WithGroup("").WithGroup("h")
	}, slog.LevelInfo, "m", slog.Int("c", 3), slog.Any("s", stack{"y"}))
	if want := "INFO: m a=1 g.b=2 g.h.c=3\n    s:\n    x\n    g.h.s:\n    y\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Handlers made from the same one do not write into each other.
func TestWithDoesNotShare(t *testing.T) {
	t.Parallel()
	for _, format := range []string{logfile.FormatText, logfile.FormatJSON} {
		var r recorder
		base := slog.New(logfile.NewHandler(&r, logfile.HandlerOptions{Format: format})).With("base", 0).WithGroup("g")
		one, two := base.With("n", "one").WithGroup("x"), base.With("n", "two").WithGroup("y")
		one.Info("m", "k", 1)
		two.Info("m", "k", 2)
		got := lines(r.buf.String())
		if len(got) != 2 || strings.Contains(got[0], "two") || strings.Contains(got[1], "one") {
			t.Errorf("got %q", got)
		}
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelWarn: "WARNING", slog.LevelError: "ERROR", logfile.LevelCritical: "CRITICAL",
		-8: "DEBUG-4", -1: "DEBUG+3", 2: "INFO+2", 5: "WARNING+1", 11: "ERROR+3", 20: "CRITICAL+8",
	} {
		if got := formatted(logfile.HandlerOptions{}, nil, level, "m"); got != want+": m\n" {
			t.Errorf("%d: got %q, want %s", level, got, want)
		}
		if got := formatted(logfile.HandlerOptions{Format: logfile.FormatJSON}, nil, level, "m"); got != `{"level":"`+want+`","msg":"m"}`+"\n" {
			t.Errorf("%d: got %q, want %s", level, got, want)
		}
	}
	var level slog.LevelVar
	for _, h := range []slog.Handler{logfile.NewHandler(&recorder{}, logfile.HandlerOptions{Level: &level})} {
		for _, low := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelError} {
			level.Set(low)
			if !h.Enabled(context.Background(), low) || h.Enabled(context.Background(), low-1) {
				t.Errorf("at level %v", low)
			}
		}
	}
	if h := logfile.NewHandler(&recorder{}, logfile.HandlerOptions{}); h.Enabled(context.Background(), -1) || !h.Enabled(context.Background(), 0) {
		t.Error("without a level, INFO and above should be logged")
	}
}

func TestLineOfTheContract(t *testing.T) {
	t.Parallel()
	var r recorder
	before := time.Now().Truncate(time.Millisecond)
	slog.New(logfile.NewHandler(&r, logfile.HandlerOptions{})).Info("Microblog startup", "pid", 7)
	got := r.buf.String()
	m := regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) INFO: Microblog startup pid=7 \[in (?:fault/)?logfile/text_test\.go:\d+\]\n$`).FindStringSubmatch(got)
	if m == nil {
		t.Fatalf("got %q", got)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05,000", m[1], time.Local)
	if err != nil || at.Before(before) || time.Since(at) > time.Minute {
		t.Errorf("the time is %s (%v), now is %v", m[1], err, time.Now())
	}
}

func TestSlogtestText(t *testing.T) {
	var r *recorder
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		r = &recorder{}
		return logfile.NewHandler(r, logfile.HandlerOptions{})
	}, func(t *testing.T) map[string]any {
		all, err := parse(r.buf.String())
		if err != nil || len(all) != 1 {
			t.Fatal(len(all), err)
		}
		e := all[0]
		result := map[string]any{slog.LevelKey: e.level, slog.MessageKey: e.msg}
		if e.time != "" {
			result[slog.TimeKey] = e.time
		}
		if e.source != "" {
			result[slog.SourceKey] = e.source
		}
		for _, p := range e.attrs {
			at, keys := result, strings.Split(p.key, ".")
			for _, group := range keys[:len(keys)-1] {
				if at[group] == nil {
					at[group] = map[string]any{}
				}
				at = at[group].(map[string]any)
			}
			at[keys[len(keys)-1]] = p.value
		}
		return result
	})
}

// FuzzText logs records of arbitrary parts: as many records come out as went
// in, with the same parts, and nothing a terminal or an editor would obey.
func FuzzText(f *testing.F) {
	f.Add("Microblog startup", "key", "value", "group", "line")
	f.Add("m user=admin [in a.go:1]", "a b", "1 user=admin [in x.go:1]", "g", "2026-11-22 14:42:52,672 INFO: x [in y.go:1]")
	f.Add("\n\r\u2028\u2029\u0085\x1b[0m\u202e\xff", "", "\"", "g\n", "\t\v\f\x00")
	f.Add(" a = b ", "=", "==", "[in", "]")
	f.Add(`a "b"=c`, `"`, `\`, `\n`, `"x"`)
	f.Fuzz(func(t *testing.T, msg, key, value, group, line string) {
		var r recorder
		log := slog.New(logfile.NewHandler(&r, logfile.HandlerOptions{Module: "example.org/microblog/fault"}))
		log.Info(msg, key, value, "other", 1)
		log.WithGroup(group).With(key, value).Error(msg, slog.Any("stack", stack{line, ""}))
		log.Warn(value, slog.Group(group, key, msg))
		out := r.buf.String()
		for i, c := range out {
			if c != '\n' && c != '\t' && c != ' ' && !unicode.IsPrint(c) {
				t.Fatalf("%U at %d of %q", c, i, out)
			}
		}
		got, err := parse(out)
		if err != nil {
			t.Fatal(err)
		}
		prefix := ""
		if group != "" {
			prefix = group + "."
		}
		want := []entry{
			{level: "INFO", msg: msg, attrs: []pair{{key, value}, {"other", "1"}}},
			{level: "ERROR", msg: msg, attrs: []pair{{prefix + key, value}}},
			{level: "WARNING", msg: value, attrs: []pair{{prefix + key, msg}}},
		}
		if len(got) != len(want) {
			t.Fatalf("%d records: %q", len(got), out)
		}
		for i, w := range want {
			g := got[i]
			if g.level != w.level || g.msg != w.msg || fmt.Sprintf("%q", g.attrs) != fmt.Sprintf("%q", w.attrs) ||
				!regexp.MustCompile(`^logfile/text_test\.go:\d+$`).MatchString(g.source) || g.time == "" {
				t.Errorf("got %q, want %q, in %q", g, w, out)
			}
		}
		if below := got[1].lines; len(below) != 2 || below[1] != "" {
			t.Errorf("below the record: %q", below)
		}
	})
}
