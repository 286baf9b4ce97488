package explain_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"example.org/microblog/fault/trace"
)

func TestValues(t *testing.T) {
	post := func(body, contentType string) *http.Request {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	check(t, []failing{{
		name: "Atoi", request: httptest.NewRequest("GET", "/?page=two", nil),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			page := r.FormValue("page")
			v["page"] = page
			n, err := strconv.Atoi(page)
			use(n)
			return trace.Wrap(err, "reading the page")
		},
		title: "`\"two\"` is no number", text: []string{"It is the value of `page`.", "The request's query has it as `page`."}, try: []string{"answer 400"},
		mark: "page", blindMark: "page",
		blind: []string{"It most likely comes from `page`."},
	}, {
		name: "empty", request: httptest.NewRequest("GET", "/", nil),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := strconv.ParseInt(r.FormValue("page"), 10, 64)
			return err
		},
		title: "An empty text is no number",
	}, {
		name: "one of several that parse", request: httptest.NewRequest("GET", "/?page=2&size=many", nil),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			page, size := r.FormValue("page"), r.FormValue("size")
			v["page"], v["size"] = page, size
			n, err := strconv.Atoi(page)
			m, err2 := strconv.Atoi(size)
			use(n, m)
			return errors.Join(err, err2)
		},
		title: "`\"many\"` is no number", text: []string{"The request's query has it as `size`."}, // which of the two, the code does not tell
	}, {
		name: "out of range", request: httptest.NewRequest("GET", "/post/300", nil),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := strconv.ParseUint("300", 10, 8)
			return fmt.Errorf("reading: %v", err)
		},
		title: "`\"300\"` is too large or too small", text: []string{"It is a part of the request's path."},
		mark: `"300"`, blindMark: `"300"`,
	}, {
		name: "date",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			born := "1.4.1999"
			v["born"] = born
			_, err := time.Parse("2006-01-02", born)
			return err
		},
		title: "`\"1.4.1999\"` is not of the form `\"2006-01-02\"`", text: []string{"Where the layout has", "value of `born`"},
		mark: "born",
	}, {
		name: "no such date",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := time.Parse(time.DateOnly, "1999-13-01")
			return err
		},
		title: "`\"1999-13-01\"` is no date", text: []string{"month out of range"},
		mark: `"1999-13-01"`, blindMark: `"1999-13-01"`,
	}, {
		name: "date with more",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := time.Parse(time.DateOnly, "1999-12-01 12:00")
			return err
		},
		title: "`\"1999-12-01 12:00\"` has more than the layout",
		mark:  `"1999-12-01 12:00"`, blindMark: `"1999-12-01 12:00"`,
	}, {
		name: "duration",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := time.ParseDuration("90")
			return err
		},
		title: "`\"90\"` is no duration",
	}, {
		name: "zone",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := time.LoadLocation("Europe/Atlantis")
			return err
		},
		title: "There is no time zone `Europe/Atlantis`",
	}, {
		name: "JSON type", request: post(`{"age": "7"}`, "application/json"),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var person struct{ Age int }
			return json.NewDecoder(r.Body).Decode(&person)
		},
		title: "The JSON does not fit into `.Age`", text: []string{"of the type `int`", "string"}, try: []string{`json:",string"`},
	}, {
		name: "JSON number",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var n []uint8
			return json.Unmarshal([]byte(`[1, 2.5]`), &n)
		},
		title: "The JSON does not fit into `uint8`", try: []string{"The number `2.5` does not fit into `uint8`"},
	}, {
		name: "JSON syntax", request: post(`{"a": 1,}`, "text/plain"),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var a any
			return json.NewDecoder(r.Body).Decode(&a)
		},
		title: "This is not JSON", text: []string{"'}'", "Content-Type is `text/plain`"}, try: []string{"comma"},
	}, {
		name: "HTML as JSON",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var a any
			return json.Unmarshal([]byte(`<html>`), &a)
		},
		title: "This is not JSON", not: []string{"Content-Type is"}, try: []string{"HTML page"},
	}, {
		name: "JSON cut",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var a any
			return json.Unmarshal([]byte(`{"a": [`), &a)
		},
		title: "The JSON ends too early",
	}, {
		name: "no body", request: post("", "application/json"),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var a any
			return json.NewDecoder(r.Body).Decode(&a)
		},
		title: "There was nothing to read", text: []string{"The request had no body."},
	}, {
		name: "unknown field",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			d := json.NewDecoder(strings.NewReader(`{"nmae": 1}`))
			d.DisallowUnknownFields()
			return d.Decode(&struct{ Name int }{})
		},
		title: "The JSON has a field `nmae`, which Go's type has not",
	}, {
		name: "unsupported type",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			//lint:ignore SA1026 it is to fail
			_, err := json.Marshal(make(chan int))
			return err
		},
		title: "A `chan int` cannot be written as JSON",
	}, {
		name: "NaN",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := json.Marshal(math.NaN())
			return err
		},
		title: "`NaN` cannot be written as JSON",
	}, {
		name: "no pointer",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var into any = user{}
			//lint:ignore SA1014 it is to fail
			return json.Unmarshal([]byte("{}"), into)
		},
		title: "JSON needs a pointer to decode into",
	}, {
		name: "base64",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := base64.StdEncoding.DecodeString("ab_c")
			return err
		},
		title: "This is not base64 of this kind", text: []string{"Byte 2"},
	}, {
		name: "hex",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := hex.DecodeString("xy")
			return err
		},
		title: "This is not hexadecimal",
	}, {
		name: "URL",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			//lint:ignore SA1007 it is to fail
			_, err := url.Parse("127.0.0.1:8080/x")
			return err
		},
		title: "The URL cannot be parsed",
	}, {
		name: "URL escape",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := url.QueryUnescape("100%")
			return err
		},
		title: "The URL has a broken escape", text: []string{"`%`"},
	}, {
		name: "no scheme",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := http.Get("")
			return err
		},
		title: "The URL has no scheme that the client knows",
	}, {
		name: "regexp",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			//lint:ignore SA1000 it is to fail
			_, err := regexp.Compile(`a(b`)
			return err
		},
		title: "The regular expression is wrong", text: []string{"missing closing ): `a(b`"},
	}, {
		name: "MustCompile",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			//lint:ignore SA1000 it is to fail
			use(regexp.MustCompile(`a(b`))
			return nil
		},
		title: "The regular expression is wrong",
		mark:  "regexp.MustCompile(`a(b`)", blindMark: "regexp.MustCompile(`a(b`)",
	}, {
		name: "reflect zero",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			use(reflect.ValueOf(user{}).FieldByName("Nmae").String(), reflect.ValueOf(nil).Type())
			return nil
		},
		title: "`reflect.Value.Type` of no value",
		mark:  "reflect.ValueOf(nil).Type()", blindMark: "reflect.ValueOf(nil).Type()",
	}, {
		name: "reflect unaddressable",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			reflect.ValueOf(user{}).FieldByName("Name").SetString("x")
			return nil
		},
		title: "The value cannot be set",
		mark:  `reflect.ValueOf(user{}).FieldByName("Name").SetString("x")`, blindMark: `reflect.ValueOf(user{}).FieldByName("Name").SetString("x")`,
	}, {
		name: "reflect unexported",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			x := struct{ name string }{"x"}
			use(reflect.ValueOf(x).Field(0).Interface())
			return nil
		},
		title: "The field is not exported",
		mark:  "reflect.ValueOf(x).Field(0).Interface()", blindMark: "reflect.ValueOf(x).Field(0).Interface()",
	}, {
		name: "reflect kind",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			use(reflect.ValueOf(7).Len())
			return nil
		},
		title: "`reflect.Value.Len` does not work for a int",
		mark:  "reflect.ValueOf(7).Len()", blindMark: "reflect.ValueOf(7).Len()",
	}, {
		name: "wait group",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			var wg sync.WaitGroup
			wg.Done()
			return nil
		},
		title: "A WaitGroup was used wrongly",
		mark:  "wg.Done()", blindMark: "wg.Done()",
	}, {
		name: "ticker",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			use(time.NewTicker(0))
			return nil
		},
		title: "A ticker without an interval",
		mark:  "time.NewTicker(0)", blindMark: "time.NewTicker(0)",
	}})
}

func TestTemplates(t *testing.T) {
	type person struct{ name, Name string }
	use(person{}.name)
	execute := func(text string, data any) func(http.ResponseWriter, *http.Request) error {
		return func(_ http.ResponseWriter, r *http.Request) error {
			tmpl, err := htmltemplate.New("page.html").Funcs(htmltemplate.FuncMap{
				//lint:ignore SA5000 it is to fail
				"crash": func() (string, error) { var m map[string]int; m["x"] = 1; return "", nil },
				"twice": func(n int) int { return 2 * n },
			}).Parse(text)
			if err != nil {
				return err
			}
			return tmpl.Execute(io.Discard, data)
		}
	}
	check(t, []failing{{
		name: "field", handler: execute("<p>\n{{.Person.Nmae}}", map[string]person{"Person": {}}),
		title: "The template asks for `.Nmae`, which is not there", text: []string{"Line 2 of the template `page.html`", "`explain_test.person`"}, try: []string{"`$.Nmae`"},
	}, {
		name: "small field", handler: execute("{{.nmae}}", person{}),
		title: "The template asks for `.nmae`, which is not there", try: []string{"`Nmae`"},
	}, {
		name: "unexported", handler: execute("{{.name}}", person{}),
		title: "The field `name` is not exported",
	}, {
		name: "nil pointer", handler: execute("{{.Friend.Name}}", &user{}),
		title: "The template takes `.Name` of nil", text: []string{"`*explain_test.user`"},
	}, {
		name: "missing key", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			tmpl := htmltemplate.Must(htmltemplate.New("a").Option("missingkey=error").Parse("{{.X}}"))
			return tmpl.Execute(io.Discard, map[string]string{})
		},
		title: "The template's data has no `X`",
	}, {
		name: "function", handler: execute("{{upper .Name}}", person{}),
		title: "The template calls `upper`, which is no function",
	}, {
		name: "template", handler: execute(`{{template "base.html" .}}`, person{}),
		title: "There is no template `base.html`",
	}, {
		name: "range", handler: execute(`{{range .Name}}{{end}}`, person{}),
		title: "The template ranges over what is no list",
	}, {
		name: "type", handler: execute(`{{twice .Name}}`, person{}),
		title: "The template passes a `string` for a `int`",
	}, {
		name: "arguments", handler: execute(`{{twice}}`, person{}),
		title: "`twice` is called with 0 arguments",
	}, {
		name: "syntax", handler: execute("<p>{{if .Name}}", person{}),
		title: "The template cannot be parsed",
	}, {
		name: "comparison", handler: execute("{{if eq .Name 1}}{{end}}", person{}),
		title: "The template compares what cannot be compared", text: []string{"Line 1 of the template `page.html` compares"},
	}, {
		name: "escape", handler: execute("<a href='{{if .Name}}x'{{else}}y{{end}}>", person{}),
		title: "html/template cannot tell how to escape",
	}, {
		name: "panic in a function", handler: execute("{{crash}}", person{}),
		title: "Write to a nil map", text: []string{"It was recovered on its way here"},
	}, {
		name: "index in a template's function", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			numbers, i := []int{1}, 0
			v["numbers"], v["i"] = numbers, i
			tmpl := htmltemplate.Must(htmltemplate.New("a").Funcs(htmltemplate.FuncMap{"f": func(n int) int { return []int{}[n] }}).Parse("{{f 0}}"))
			return trace.Wrapf(tmpl.Execute(io.Discard, nil), "page %d", numbers[i])
		},
		title: "Index 0 is out of range", text: []string{"What is indexed is empty"}, not: []string{"numbers"},
	}, {
		name: "name", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			return htmltemplate.Must(htmltemplate.New("a").Parse("x")).ExecuteTemplate(io.Discard, "b.html", nil)
		},
		title: "There is no template `b.html`",
	}, {
		name: "text template's name", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			return template.Must(template.New("a").Parse("x")).ExecuteTemplate(io.Discard, "b.html", nil)
		},
		title: "There is no template `b.html`",
	}, {
		name: "empty", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			return htmltemplate.New("a").Execute(io.Discard, nil)
		},
		title: "The template `a` is empty",
	}, {
		name: "parse after execute", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			tmpl := htmltemplate.Must(htmltemplate.New("a").Parse("x"))
			if err := tmpl.Execute(io.Discard, nil); err != nil {
				return err
			}
			_, err := tmpl.Parse("y")
			return err
		},
		title: "The template was used before it was complete",
	}})
}

func TestSystem(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	defer secure.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()

	multipart := func(body string, contentType string) *http.Request {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	get := func(u string) func(http.ResponseWriter, *http.Request) error {
		return func(_ http.ResponseWriter, r *http.Request) error {
			q, err := http.NewRequestWithContext(r.Context(), "GET", u, nil)
			if err != nil {
				return err
			}
			_, err = http.DefaultClient.Do(q)
			return err
		}
	}
	check(t, []failing{{
		name: "no file", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			_, err := os.ReadFile("templates/no-such.html")
			return fmt.Errorf("reading: %w", err)
		},
		title: "There is no `templates/no-such.html`", try: []string{"relative"},
	}, {
		name: "no file, absolute", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			_, err := os.ReadFile(filepath.Join(dir, "x"))
			return err
		},
		title: "There is no `" + filepath.Join(dir, "x") + "`", not: []string{"relative"},
	}, {
		name: "directory", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			_, err := os.ReadFile(dir)
			return err
		},
		title: "`" + dir + "` is a directory",
	}, {
		name: "exists", handler: func(_ http.ResponseWriter, _ *http.Request) error { return os.Mkdir(dir, 0o700) },
		title: "`" + dir + "` is there already",
	}, {
		name: "fs path", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			_, err := fs.ReadFile(os.DirFS(dir), "../x")
			return err
		},
		title: "The path or the operation is not valid",
	}, {
		name: "no program", handler: func(_ http.ResponseWriter, _ *http.Request) error { return exec.Command("no-such-program").Run() },
		title: "There is no program `no-such-program`",
	}, {
		name: "in use", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			_, err := net.Listen("tcp", taken.Addr().String())
			return err
		},
		title: "The address `" + taken.Addr().String() + "` is in use",
	}, {
		name: "no port", handler: func(_ http.ResponseWriter, _ *http.Request) error {
			_, err := net.Listen("tcp", "localhost")
			return err
		},
		title: "`localhost` is no address to listen on",
	}, {
		name: "refused", handler: get("http://" + free.Addr().String()),
		title: "Nothing listens at `" + free.Addr().String() + "`",
	}, {
		name: "HTTP for HTTPS", handler: get(strings.Replace(plain.URL, "http", "https", 1)),
		title: "The other end does not speak TLS",
	}, {
		name: "unknown authority", handler: get(secure.URL),
		title: "The certificate's authority is not trusted",
	}, {
		name: "deadline", handler: func(_ http.ResponseWriter, r *http.Request) error {
			note(r.Context(), trace.Step{Kind: "http", Text: "GET /slow", Duration: 150 * time.Millisecond})
			ctx, cancel := context.WithTimeout(r.Context(), 20*time.Millisecond)
			defer cancel()
			q, err := http.NewRequestWithContext(ctx, "GET", slow.URL, nil)
			if err != nil {
				return err
			}
			_, err = http.DefaultClient.Do(q)
			return trace.Wrap(err, "asking the other server")
		},
		title: "The time was over", text: []string{"`context.WithTimeout(…, 20*time.Millisecond)`", "What took longest in this request was http `GET /slow`: 150ms."},
	}, {
		name: "client timeout", handler: func(_ http.ResponseWriter, r *http.Request) error {
			c := http.Client{Timeout: 20 * time.Millisecond}
			_, err := c.Get(slow.URL)
			return err
		},
		title: "The other end took too long",
	}, {
		name: "cancelled", handler: func(_ http.ResponseWriter, r *http.Request) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx.Err()
		},
		title: "The context was cancelled", try: []string{"context.WithoutCancel(ctx)"},
	}, {
		name: "body too large", request: multipart("a=12345678901234567890", "application/x-www-form-urlencoded"),
		handler: func(w http.ResponseWriter, r *http.Request) error {
			const most = 10
			r.Body = http.MaxBytesReader(w, r.Body, most)
			_, err := io.ReadAll(r.Body)
			return fmt.Errorf("reading: %v", err) // A status of its own would be no failure.
		},
		title: "The request's body is too large", text: []string{"It has 22 bytes.", "The limit is `most`."},
	}, {
		name: "content type", request: multipart("a=1", "application/x-www-form-urlencoded"),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, _, err := r.FormFile("photo")
			return err
		},
		title: "The form did not come as multipart/form-data", text: []string{"Content-Type is `application/x-www-form-urlencoded`"},
	}, {
		name: "boundary", request: multipart("a=1", "multipart/form-data"),
		handler: func(_ http.ResponseWriter, r *http.Request) error { return r.ParseMultipartForm(1 << 20) },
		title:   "The request's Content-Type lacks its boundary",
	}, {
		name: "missing file", request: multipart("--x\r\nContent-Disposition: form-data; name=\"pic\"; filename=\"a.png\"\r\n\r\n1\r\n--x--\r\n", "multipart/form-data; boundary=x"),
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, _, err := r.FormFile("photo")
			return err
		},
		title: "The form has no such file", text: []string{"It has files under `pic`."},
	}, {
		name: "cut form", request: multipart("--x\r\nContent-Disposition: form-data; name=\"pic\"\r\n\r\n1", "multipart/form-data; boundary=x"),
		handler: func(_ http.ResponseWriter, r *http.Request) error { return r.ParseMultipartForm(1 << 20) },
		title:   "It ended too early",
	}, {
		name: "cookie", handler: func(_ http.ResponseWriter, r *http.Request) error {
			_, err := r.Cookie("session")
			return err
		},
		title: "The request has no such cookie",
	}})
}

func TestSuperfluous(t *testing.T) {
	var log bytes.Buffer
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	s.Config.ErrorLog = logTo(&log)
	s.Start()
	if _, err := http.Get(s.URL); err != nil {
		t.Fatal(err)
	}
	s.Close()
	check(t, []failing{{
		name: "log line",
		handler: func(_ http.ResponseWriter, r *http.Request) error {
			note(r.Context(), trace.Step{Kind: "log", Text: strings.TrimSpace(log.String())})
			return errors.New("something")
		},
		title: "The status was set twice", text: []string{"by `example.org/microblog/fault/internal/devtool/explain_test.TestSuperfluous.func1 (values_test.go:"},
	}})
}
