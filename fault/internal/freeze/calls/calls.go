// Package calls has what a debugger calls in place of functions and methods of libraries: those are compiled with
// optimisation, and then no debugger can call them. fault run compiles this package without, and package freeze links it
// into programs that make copies.
//
// A method M is called by the function M, whose first parameter is the receiver. A function F of package p is called by pF, in
// which p begins with a capital letter. What is variadic takes a slice, which Add makes.
package calls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// All is what the linker is to keep, types of pointers among it.
var All = []any{
	Add, At, Text, Int, Float, Bool,
	Context, Err, Error, String, Unwrap, Get, Format, Query, Len, IsZero, Unix, Seconds, Milliseconds, FormValue, PathValue, UserAgent,
	ErrorsIs, ErrorsUnwrap, FmtErrorf, FmtSprint, FmtSprintf, FmtSprintln, JsonMarshal,
	StrconvAtoi, StrconvItoa, StrconvQuote,
	StringsContains, StringsEqualFold, StringsFields, StringsHasPrefix, StringsHasSuffix, StringsIndex, StringsJoin, StringsReplaceAll,
	StringsSplit, StringsToLower, StringsToUpper, StringsTrimPrefix, StringsTrimSpace, StringsTrimSuffix,
	TimeNow, TimeSince, TimeUntil, UrlPathEscape, UrlQueryEscape,
	&Slots, new(string), new([]string), new([]byte), new([]int), new([]any), new(int64), new(int32), new(uint64), new(uint8), new(time.Time), new(time.Duration),
}

// Slots is where a debugger puts pointers that it passes on.
var Slots [64]uintptr

// Add appends to the arguments of a variadic function.
func Add(list []any, v any) []any { return append(list, v) }

// At is what a pointer points to: only pointers fit into an interface as they are.
func At(pointer any) any { return reflect.ValueOf(pointer).Elem().Interface() }

// These put a constant into an interface.
func Text(v string) any   { return v }
func Int(v int) any       { return v }
func Float(v float64) any { return v }
func Bool(v bool) any     { return v }

func Context(v any) context.Context {
	return v.(interface{ Context() context.Context }).Context()
}
func Err(v any) error            { return v.(interface{ Err() error }).Err() }
func Error(v any) string         { return v.(error).Error() }
func String(v any) string        { return v.(fmt.Stringer).String() }
func Unwrap(v any) error         { return v.(interface{ Unwrap() error }).Unwrap() }
func Get(v any, k string) string { return v.(interface{ Get(string) string }).Get(k) }
func Format(v any, layout string) string {
	return v.(interface{ Format(string) string }).Format(layout)
}
func Query(v any) url.Values   { return v.(interface{ Query() url.Values }).Query() }
func Len(v any) int            { return v.(interface{ Len() int }).Len() }
func IsZero(v any) bool        { return v.(interface{ IsZero() bool }).IsZero() }
func Unix(v any) int64         { return v.(interface{ Unix() int64 }).Unix() }
func Seconds(v any) float64    { return v.(interface{ Seconds() float64 }).Seconds() }
func Milliseconds(v any) int64 { return v.(interface{ Milliseconds() int64 }).Milliseconds() }
func UserAgent(v any) string   { return v.(interface{ UserAgent() string }).UserAgent() }
func FormValue(v any, k string) string {
	return v.(interface{ FormValue(string) string }).FormValue(k)
}
func PathValue(v any, k string) string {
	return v.(interface{ PathValue(string) string }).PathValue(k)
}

func ErrorsIs(err, target error) bool { return errors.Is(err, target) }
func ErrorsUnwrap(err error) error    { return errors.Unwrap(err) }

func FmtErrorf(format string, list []any) error   { return fmt.Errorf(format, list...) }
func FmtSprint(list []any) string                 { return fmt.Sprint(list...) }
func FmtSprintf(format string, list []any) string { return fmt.Sprintf(format, list...) }
func FmtSprintln(list []any) string               { return fmt.Sprintln(list...) }
func JsonMarshal(v any) ([]byte, error)           { return json.Marshal(v) }

func StrconvAtoi(s string) (int, error) { return strconv.Atoi(s) }
func StrconvItoa(n int) string          { return strconv.Itoa(n) }
func StrconvQuote(s string) string      { return strconv.Quote(s) }

func StringsContains(s, part string) bool          { return strings.Contains(s, part) }
func StringsEqualFold(s, t string) bool            { return strings.EqualFold(s, t) }
func StringsFields(s string) []string              { return strings.Fields(s) }
func StringsHasPrefix(s, prefix string) bool       { return strings.HasPrefix(s, prefix) }
func StringsHasSuffix(s, suffix string) bool       { return strings.HasSuffix(s, suffix) }
func StringsIndex(s, part string) int              { return strings.Index(s, part) }
func StringsJoin(all []string, sep string) string  { return strings.Join(all, sep) }
func StringsReplaceAll(s, old, with string) string { return strings.ReplaceAll(s, old, with) }
func StringsSplit(s, sep string) []string          { return strings.Split(s, sep) }
func StringsToLower(s string) string               { return strings.ToLower(s) }
func StringsToUpper(s string) string               { return strings.ToUpper(s) }
func StringsTrimPrefix(s, prefix string) string    { return strings.TrimPrefix(s, prefix) }
func StringsTrimSpace(s string) string             { return strings.TrimSpace(s) }
func StringsTrimSuffix(s, suffix string) string    { return strings.TrimSuffix(s, suffix) }

func TimeNow() time.Time                  { return time.Now() }
func TimeSince(t time.Time) time.Duration { return time.Since(t) }
func TimeUntil(t time.Time) time.Duration { return time.Until(t) }

func UrlPathEscape(s string) string  { return url.PathEscape(s) }
func UrlQueryEscape(s string) string { return url.QueryEscape(s) }
