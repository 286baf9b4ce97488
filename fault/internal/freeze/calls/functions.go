package calls

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Functions are those of libraries that can be called, by their names with the import path.
var Functions = [...]struct {
	Name string
	Func any
}{
	{"bytes.Contains", bytes.Contains}, {"bytes.Equal", bytes.Equal}, {"bytes.HasPrefix", bytes.HasPrefix}, {"bytes.Index", bytes.Index},
	{"bytes.TrimSpace", bytes.TrimSpace},
	{"encoding/hex.DecodeString", hex.DecodeString}, {"encoding/hex.EncodeToString", hex.EncodeToString},
	{"encoding/json.Marshal", json.Marshal}, {"encoding/json.MarshalIndent", json.MarshalIndent}, {"encoding/json.Valid", json.Valid},
	{"errors.Is", errors.Is}, {"errors.Join", errors.Join}, {"errors.New", errors.New}, {"errors.Unwrap", errors.Unwrap},
	{"fmt.Errorf", fmt.Errorf}, {"fmt.Sprint", fmt.Sprint}, {"fmt.Sprintf", fmt.Sprintf}, {"fmt.Sprintln", fmt.Sprintln},
	{"html.EscapeString", html.EscapeString}, {"html.UnescapeString", html.UnescapeString},
	{"math.Abs", math.Abs}, {"math.Ceil", math.Ceil}, {"math.Floor", math.Floor}, {"math.IsNaN", math.IsNaN}, {"math.Max", math.Max},
	{"math.Min", math.Min}, {"math.Mod", math.Mod}, {"math.Pow", math.Pow}, {"math.Round", math.Round}, {"math.Sqrt", math.Sqrt}, {"math.Trunc", math.Trunc},
	{"net/url.Parse", url.Parse}, {"net/url.ParseQuery", url.ParseQuery}, {"net/url.PathEscape", url.PathEscape}, {"net/url.PathUnescape", url.PathUnescape},
	{"net/url.QueryEscape", url.QueryEscape}, {"net/url.QueryUnescape", url.QueryUnescape},
	{"os.Getenv", os.Getenv},
	{"path.Base", path.Base}, {"path.Clean", path.Clean}, {"path.Dir", path.Dir}, {"path.Ext", path.Ext}, {"path.Join", path.Join},
	{"path/filepath.Base", filepath.Base}, {"path/filepath.Clean", filepath.Clean}, {"path/filepath.Dir", filepath.Dir},
	{"path/filepath.Ext", filepath.Ext}, {"path/filepath.Join", filepath.Join},
	{"reflect.DeepEqual", reflect.DeepEqual}, {"reflect.TypeOf", reflect.TypeOf},
	{"strconv.Atoi", strconv.Atoi}, {"strconv.FormatBool", strconv.FormatBool}, {"strconv.FormatFloat", strconv.FormatFloat},
	{"strconv.FormatInt", strconv.FormatInt}, {"strconv.FormatUint", strconv.FormatUint}, {"strconv.Itoa", strconv.Itoa},
	{"strconv.ParseBool", strconv.ParseBool}, {"strconv.ParseFloat", strconv.ParseFloat}, {"strconv.ParseInt", strconv.ParseInt},
	{"strconv.ParseUint", strconv.ParseUint}, {"strconv.Quote", strconv.Quote}, {"strconv.Unquote", strconv.Unquote},
	{"strings.Compare", strings.Compare}, {"strings.Contains", strings.Contains}, {"strings.ContainsAny", strings.ContainsAny},
	{"strings.ContainsRune", strings.ContainsRune}, {"strings.Count", strings.Count}, {"strings.Cut", strings.Cut}, {"strings.CutPrefix", strings.CutPrefix},
	{"strings.CutSuffix", strings.CutSuffix}, {"strings.EqualFold", strings.EqualFold}, {"strings.Fields", strings.Fields},
	{"strings.HasPrefix", strings.HasPrefix}, {"strings.HasSuffix", strings.HasSuffix}, {"strings.Index", strings.Index}, {"strings.IndexAny", strings.IndexAny},
	{"strings.IndexByte", strings.IndexByte}, {"strings.IndexRune", strings.IndexRune}, {"strings.Join", strings.Join}, {"strings.LastIndex", strings.LastIndex},
	{"strings.Repeat", strings.Repeat}, {"strings.Replace", strings.Replace}, {"strings.ReplaceAll", strings.ReplaceAll}, {"strings.Split", strings.Split},
	{"strings.SplitN", strings.SplitN}, {"strings.ToLower", strings.ToLower}, {"strings.ToUpper", strings.ToUpper}, {"strings.Trim", strings.Trim},
	{"strings.TrimLeft", strings.TrimLeft}, {"strings.TrimPrefix", strings.TrimPrefix}, {"strings.TrimRight", strings.TrimRight},
	{"strings.TrimSpace", strings.TrimSpace}, {"strings.TrimSuffix", strings.TrimSuffix},
	{"time.Date", time.Date}, {"time.Now", time.Now}, {"time.Parse", time.Parse}, {"time.ParseDuration", time.ParseDuration}, {"time.Since", time.Since},
	{"time.Unix", time.Unix}, {"time.UnixMilli", time.UnixMilli}, {"time.Until", time.Until},
	{"unicode/utf8.RuneCountInString", utf8.RuneCountInString}, {"unicode/utf8.ValidString", utf8.ValidString},
}
