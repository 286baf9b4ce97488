package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/microblog/fault/redact"
)

func TestIsSecretKey(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{Keys: []string{"invite code", "Zugang"}})
	if again := redact.New(redact.Options{Keys: r.Keys()}); !again.IsSecretKey("INVITE_CODE") || !slices.Equal(again.Keys(), r.Keys()) || (*redact.Redactor)(nil).Keys() != nil {
		t.Errorf("of its names %q another one makes %q", r.Keys(), again.Keys())
	}
	secret := []string{
		"password", "Password", "PASSWORD", "password2", "new_password", "newPassword", "password-confirm",
		"userpassword", "passwd", "pwd", "db_pass", "pass", "passphrase", "pass_phrase", "DB_PWD",
		"secret", "client_secret", "SECRET_KEY", "secretKey", "clientSecret", "appsecret",
		"token", "access_token", "accessToken", "accesstoken", "X-Auth-Token", "refresh-token", "remember_token",
		"api_key", "apiKey", "apikey", "API-KEY", "X-Api-Key", "MYAPIKey", "APIKey2",
		"Authorization", "Proxy-Authorization", "authorization_code", "auth", "X-Auth",
		"Cookie", "Set-Cookie", "cookies", "session", "session_id", "sessionId", "sessionid", "PHPSESSID",
		"JSESSIONID", "connect.sid", "_myapp_session", "csrf", "csrf_token", "XSRF-TOKEN", "csrfmiddlewaretoken",
		"authenticity_token", "private_key", "privateKey", "PRIVATE-KEY", "encryption_key", "signing key",
		"credit_card", "creditCardNumber", "card-number", "cvv", "cvc2", "security_code",
		"jwt", "id_jwt", "credentials", "aws_secret_access_key", "MAIL_PASSWORD", "signature", "X-Amz-Signature",
		"otp", "totp_secret", "user[password]", "users[0][password]", "user%5Bpassword%5D", "login.password",
		"pin", "passwort", "Kennwort", "contraseña",
		"invite_code", "inviteCode", "INVITE-CODE", "user_invite_code_2", "zugang",
		strings.Repeat("x_", 500) + "password",
	}
	innocent := []string{
		"", "author", "authority", "authorName", "Author-Id", "secretary", "tokenizer", "passenger", "compass",
		"bypass", "passage", "passport", "sessions_count", "session_count", "session_timeout", "token_count", "max_tokens",
		"token_type", "password_changed_at", "password_min_length", "has_password", "is_secret", "cookie_consent",
		"username", "email", "about_me", "post", "next", "remember_me", "key", "sort_key", "primary_key", "monkey",
		"keyboard", "sessions", "pinned", "opinion", "assign", "design", "salty", "desalted", "auth_method",
		"Accept", "User-Agent", "Host", "Referer", "Content-Type", "Sec-WebSocket-Key", "If-None-Match",
		"invite", "code", "status_code", "???", "--", "42", "expression", "cursor", "page",
	}
	for _, k := range secret {
		if !r.IsSecretKey(k) {
			t.Errorf("IsSecretKey(%q) = false, want true", k)
		}
	}
	for _, k := range innocent {
		if r.IsSecretKey(k) {
			t.Errorf("IsSecretKey(%q) = true, want false", k)
		}
	}
	var none *redact.Redactor
	if !none.IsSecretKey("password") || none.IsSecretKey("invite_code") {
		t.Error("a nil Redactor must know the default names and no others")
	}
}

func TestTextByKey(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"nothing", "no rows in result set", "no rows in result set"},
		{"empty", "", ""},
		{"equals", "cannot parse password=hunter2 at 3", "cannot parse password=[masked] at 3"},
		{"equals with spaces", "password = hunter2", "password = [masked]"},
		{"equals quoted", `dsn: user=bob password='it\'s me' host=db`, `dsn: user=bob password='[masked]' host=db`},
		{"equals without value", "password= ", "password= "},
		{"comparison", "password == nil", "password == nil"},
		{"query", "/reset?token=abc&page=2", "/reset?token=[masked]&page=2"},
		{"bracketed name", "user[password]=x&user[name]=bob", "user[password]=[masked]&user[name]=bob"},
		{"statement parameter", "DELETE FROM s WHERE token = $1", "DELETE FROM s WHERE token = $1"},
		{"statement parameters", "UPDATE u SET password_hash = $1, name = $2", "UPDATE u SET password_hash = $1, name = $2"},
		{"statement literal", "WHERE token = 'abc def'", "WHERE token = '[masked]'"},
		{"json", `{"user":"bob","password":"hunter2","n":1}`, `{"user":"bob","password":"[masked]","n":1}`},
		{"json escaped quote", `{"password":"a\"b","n":1}`, `{"password":"[masked]","n":1}`},
		{"json ends in backslash", `{"password":"a\\","n":1}`, `{"password":"[masked]","n":1}`},
		{"json spaced", `{"password" : "x y" }`, `{"password" : "[masked]" }`},
		{"json number", `{"pin":1234,"n":1}`, `{"pin":[masked],"n":1}`},
		{"json null", `{"token":null}`, `{"token":null}`},
		{"json array", `{"tokens":["a]","b"],"n":1}`, `{"tokens":[masked],"n":1}`},
		{"json object", `{"credentials":{"user":"bob","key":{"x":"y"}},"n":1}`, `{"credentials":[masked],"n":1}`},
		{"json in json", `{"body":"{\"password\":\"a\\\"b\",\"n\":1}"}`, `{"body":"{\"password\":\"[masked]\",\"n\":1}"}`},
		{"json cut off", `{"password":"hunt`, `{"password":"[masked]`},
		{"python", `{'password': 'hunter2', 'n': 1}`, `{'password': '[masked]', 'n': 1}`},
		{"ruby", `{"password"=>"hunter2", :token=>"abc"}`, `{"password"=>"[masked]", :token=>"[masked]"}`},
		{"go struct", "{Name:bob Password:hunter2 Age:3}", "{Name:bob Password:[masked] Age:3}"},
		{"go syntax", `{Name:"bob", Password:"hunter 2"}`, `{Name:"bob", Password:"[masked]"}`},
		{"go header", "map[Authorization:[Bearer abc] Accept:[*/*]]", "map[Authorization:[masked] Accept:[*/*]]"},
		{"dumped request", "GET / HTTP/1.1\r\nCookie: a=b; c=d\r\nAccept: */*\r\n", "GET / HTTP/1.1\r\nCookie: [masked]\r\nAccept: */*\r\n"},
		{"bearer", "authorization=Bearer abc.def rest", "authorization=[masked] rest"},
		{"prose", "refreshing the token: context deadline exceeded", "refreshing the token: context deadline exceeded"},
		{"prose at the start", "session: not found", "session: not found"},
		{"address", "dial postgres://bob:hunter2@db:5432/x?sslmode=off failed", "dial postgres://bob:[masked]@db:5432/x?sslmode=off failed"},
		{"address with slash in password", "postgres://bob:hun/ter2@db/x", "postgres://bob:[masked]@db/x"},
		{"address with at in password", "postgres://bob:hun@ter2@db/x", "postgres://bob:[masked]@db/x"},
		{"address without password", "https://bob@example.org/", "https://bob@example.org/"},
		{"address with port", "http://127.0.0.1:5000/@bob", "http://127.0.0.1:5000/@bob"},
		{"address without host", "redis://:hunter2@db", "redis://:[masked]@db"},
		{"query in query", "/login?next=%2Freset%3Ftoken%3Dabc%26x%3D1&y=2", "/login?next=%2Freset%3Ftoken%3D[masked]%26x%3D1&y=2"},
		{"query in query in query", "next=%252F%253Ftoken%253Dabc&y=2", "next=%252F%253Ftoken%253D[masked]&y=2"},
		{"address in query", "u=https%3A%2F%2Fbob%3Apw%40db%2F", "u=https%3A%2F%2Fbob%3A[masked]%40db%2F"},
		{"masked already", "password=[masked] token=[masked]", "password=[masked] token=[masked]"},
		{"mask does not shield", "password=[masked]hunter2", "password=[masked]"},
	}
	var r *redact.Redactor
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := r.Text(tt.in)
			if got != tt.want {
				t.Errorf("Text(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
			if again := r.Text(got); again != got {
				t.Errorf("masking again changed %q to %q", got, again)
			}
		})
	}
}

// forms are the ways in which a secret turns up in texts.
var forms = map[string]func(string) string{
	"plain":               func(s string) string { return s },
	"base64":              func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 raw":          func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64 url":          func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64 url raw":      func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base64 after 1 byte": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(":" + s)) },
	"base64 after 2":      func(s string) string { return base64.StdEncoding.EncodeToString([]byte("u:" + s)) },
	"base64 within":       func(s string) string { return base64.URLEncoding.EncodeToString([]byte("user:" + s + "/tail")) },
	"base64 in query": func(s string) string {
		return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s)))
	},
	"hex":         func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":         func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"bytes":       func(s string) string { return fmt.Sprint([]byte(s)) },
	"query":       url.QueryEscape,
	"path":        url.PathEscape,
	"lower query": func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
	"all percent": func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, "%%%02x", s[i])
		}
		return b.String()
	},
	"query twice": func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"json":        marshal,
	"json twice":  func(s string) string { return marshal(marshal(s)) },
	"go quoted":   strconv.Quote,
	"go ascii":    strconv.QuoteToASCII,
	"html":        html.EscapeString,
	"html in decimal": func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "&#%d;", r)
		}
		return b.String()
	},
	"html in hex": func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "&#x%X;", r)
		}
		return b.String()
	},
	"octal": func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, "\\%03o", s[i])
		}
		return b.String()
	},
	"code points": func(s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, "\\U%08x", r)
		}
		return b.String()
	},
	"json in html": func(s string) string {
		return html.EscapeString(marshal(s))
	},
}

func marshal(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestTextByValue(t *testing.T) {
	t.Parallel()
	values := []string{
		"hunter2", "correct horse battery", `quo"te\back/slash`, "<b>&amp;'tag'</b>", "päss wörd ☃ 🙂",
		"new\nline\tand tab", "a+b=c/d?e#f%g", "0123456789abcdef0123456789ABCDEF", "\x00\x01binary\xff\xfe!",
		"key" + strings.Repeat("0123456789abc", 40), "é\u2028 bell\a\b\f\r\v`" + "U+1F642",
	}
	for _, v := range values {
		r := redact.New(redact.Options{Values: []string{v}})
		for name, form := range forms {
			if name == "lower query" && strings.ToLower(v) != v {
				continue // Lowers the letters as well.
			}
			if !utf8.ValidString(v) && byRune(name) {
				continue // They cannot carry it.
			}
			t.Run(name+"/"+v[:3], func(t *testing.T) {
				encoded := form(v)
				text := "before " + encoded + " behind"
				got := r.Text(text)
				if strings.Contains(got, encoded) || strings.Contains(got, v) {
					t.Fatalf("Text(%q) = %q shows the secret", text, got)
				}
				if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " behind") || !strings.Contains(got, redact.Mask) {
					t.Errorf("Text(%q) = %q masks too much or too little", text, got)
				}
				if again := r.Text(got); again != got {
					t.Errorf("masking again changed %q to %q", got, again)
				}
			})
		}
	}
}

// byRune tells the forms that are made of characters, and replace what is not valid UTF-8.
func byRune(form string) bool {
	return strings.Contains(form, "json") || strings.Contains(form, "html") || form == "code points"
}

func TestValues(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{Values: []string{"abcdefgh", "efghijkl", "short", "", "masked"}})
	if got := r.Ignored(); got != 2 {
		t.Errorf("Ignored() = %d, want 2 (too short, and a part of the mask)", got)
	}
	if got, want := r.Text("x abcdefghijkl y"), "x [masked] y"; got != want {
		t.Errorf("overlapping secrets: got %q, want %q", got, want)
	}
	long := redact.New(redact.Options{Values: []string{strings.Repeat("0123456789", 100)}})
	if got, want := long.Text("x "+strings.Repeat("0123456789", 25)+" y"), "x [masked] y"; got != want {
		t.Errorf("a part of a long secret: got %q, want %q", got, want)
	}
	if got, want := r.Text("short masked [masked]"), "short masked [masked]"; got != want {
		t.Errorf("ignored values: got %q, want %q", got, want)
	}

	session := r.With("session-token-1")
	if got, want := session.Text("session-token-1 abcdefgh"), "[masked] [masked]"; got != want {
		t.Errorf("With: got %q, want %q", got, want)
	}
	if got, want := r.Text("session-token-1"), "session-token-1"; got != want {
		t.Errorf("With must not change what it is called on: got %q, want %q", got, want)
	}
	var none *redact.Redactor
	if got, want := none.With("session-token-1").Text("is session-token-1"), "is [masked]"; got != want {
		t.Errorf("nil.With: got %q, want %q", got, want)
	}
	if none.With() == nil || none.Ignored() != 0 || none.With("x").Ignored() != 1 {
		t.Error("a nil Redactor must work like an empty one")
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{Values: []string{"s3cr3t-value"}})
	in := http.Header{
		"Authorization":       {"Bearer abc", "nospace", "two words"},
		"Cookie":              {"session=abc; theme=dark", "loose"},
		"Set-Cookie":          {"session=abc; Path=/; HttpOnly"},
		"X-Api-Key":           {"abc", ""},
		"Accept":              {"text/html"},
		"Referer":             {"https://bob:pw@example.org/?token=abc&x=s3cr3t-value"},
		"X-Note-S3cr3t-Value": nil,
	}
	want := http.Header{
		"Authorization": {"Bearer [masked]", "[masked]", "[masked]"},
		"Cookie":        {"session=[masked]; theme=[masked]", "[masked]"},
		"Set-Cookie":    {"session=[masked]; Path=/; HttpOnly"},
		"X-Api-Key":     {"[masked]", ""},
		"Accept":        {"text/html"},
		"Referer":       {"https://bob:[masked]@example.org/?token=[masked]&x=[masked]"},
	}
	if got := r.Header(in); !reflect.DeepEqual(got, want) {
		t.Errorf("Header:\n got %v\nwant %v", got, want)
	}
	if in.Get("X-Api-Key") != "abc" {
		t.Error("Header changed what it was given")
	}
	if r.Header(nil) != nil || r.Form(nil) != nil || r.URL(nil) != "" {
		t.Error("nil must stay nil")
	}
}

func TestFormAndURL(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{Values: []string{"s3cr3t-value"}})
	form := r.Form(url.Values{"username": {"bob"}, "password": {"x", "y"}, "note": {"my s3cr3t-value"}, "password2": {""}})
	want := url.Values{"username": {"bob"}, "password": {"[masked]", "[masked]"}, "note": {"my [masked]"}, "password2": {""}}
	if !reflect.DeepEqual(form, want) {
		t.Errorf("Form: got %v, want %v", form, want)
	}
	for in, want := range map[string]string{
		"/user/bob?page=2":                        "/user/bob?page=2",
		"/reset?token=abc&pass%77ord=x&y":         "/reset?token=[masked]&pass%77ord=[masked]&y",
		"/reset/s3cr3t-value":                     "/reset/[masked]",
		"postgres://bob:pw@db/x?password=y":       "postgres://bob:[masked]@db/x?password=[masked]",
		"https://example.org/?a=%zz&token=%zz":    "https://example.org/?a=%zz&token=[masked]",
		"https://bob@example.org/s3cr3t%2Dvalue/": "https://bob@example.org/[masked]/",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.URL(u); got != want {
			t.Errorf("URL(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("password=hunter2", "hunter2-secret")
	f.Add(`{"a":"\u0070\"b","token":["x"]}`, `qu"o\te`)
	f.Add("https://u:p/@h@://x:y@?token=%41&amp;%2525", "a%41b&amp;c")
	f.Add("[masked]token=[masked]]=x", "[masked")
	f.Add("Cookie: a\nAuthorization:[Basic", "SECRETtoken")
	f.Add("> Authorization: Bearer abc for\n password: |\n  x\n--token 'a' client_secret b, Pin: c", "hunter2")
	f.Add("<password>a</password> PASSWORD('b') name=\"pin\"\r\n\r\nc\r\n-- ?code=d&state=e bob:f@tcp(g)", "hunter2")
	f.Add("eyJhbGciOiJI.eyJzdWIi.c2ln $argon2id$v=19$m=1$abcdefghij -----BEGIN PRIVATE KEY-----a", "hunter2")
	f.Fuzz(func(t *testing.T, text, value string) {
		if len(text) > 2048 || len(value) > 512 {
			return
		}
		r := redact.New(redact.Options{Values: []string{value}})
		got := r.Text(text)
		if again := r.Text(got); again != got {
			t.Errorf("with value %q, %q was masked to %q, and that to %q", value, text, got, again)
		}
		if r.Ignored() > 0 || value == "" {
			return
		}
		for name, form := range forms {
			encoded := form(value)
			if name == "lower query" && strings.ToLower(value) != value || !utf8.ValidString(value) && byRune(name) || strings.Contains(redact.Mask, encoded) {
				continue
			}
			if got := r.Text(text + " " + encoded + " " + text); strings.Contains(got, encoded) {
				t.Errorf("%s of %q shows in %q", name, value, got)
			}
		}
	})
}

func FuzzIsSecretKey(f *testing.F) {
	f.Add("user[password2]")
	f.Add("HTTPAuthTOKEN")
	f.Fuzz(func(t *testing.T, key string) {
		var r *redact.Redactor
		r.IsSecretKey(key)
		if !r.IsSecretKey(key + "_password") {
			t.Errorf("%q is a secret's name", key+"_password")
		}
		own := redact.New(redact.Options{Keys: []string{key}})
		own.IsSecretKey("x" + key)
	})
}
