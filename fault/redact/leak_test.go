package redact_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"example.org/microblog/fault/redact"
)

const (
	canary   = "hunter2Canary"
	jwt      = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzdXNhbiJ9.c2lnbmF0dXJlQ2FuYXJ5MDAx"
	argon    = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"
	bcrypted = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
	pemBody  = "\nMHcCAQEEIOtCanaryKeyMaterial\nhunter2Canary+AwEHoUQDQgAE\n"
)

// TestForms shows what is masked of each form in which a secret stands in a text. X stands for it.
func TestForms(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"header in a text", "headers: Authorization: Bearer X", "headers: Authorization: [masked]"},
		{"header, and more text", "got Authorization: Bearer X for bob", "got Authorization: [masked] for bob"},
		{"header of curl", "> Authorization: Bearer X\n> Accept: */*", "> Authorization: [masked]\n> Accept: */*"},
		{"answer of curl", "< Set-Cookie: session=X; Path=/\n< Vary: *", "< Set-Cookie: [masked]\n< Vary: *"},
		{"header of HTTP/2", "authorization: Bearer X\naccept: */*", "authorization: [masked]\naccept: */*"},
		{"indented header", "  Authorization: Basic X\n  Accept: */*", "  Authorization: [masked]\n  Accept: */*"},
		{"indented cookies", "\tCookie: session=abc; x=X\n", "\tCookie: [masked]\n"},
		{"cookies in a text", "sent Cookie: session=abc; x=X\nAccept: */*", "sent Cookie: [masked]\nAccept: */*"},
		{"header in a command", `curl -H "Authorization: Bearer X" -H 'Cookie: a=b; c=X' https://x/`, `curl -H "Authorization: [masked]" -H 'Cookie: [masked]' https://x/`},
		{"headers as Go text", `"GET / HTTP/1.1\r\nCookie: a=b; c=X\r\nAccept: */*\r\n"`, `"GET / HTTP/1.1\r\nCookie: [masked]\r\nAccept: */*\r\n"`},
		{"any header with a secret's name", "X-Amz-Security-Token: X\nX-Goog-Api-Key: X\n", "X-Amz-Security-Token: [masked]\nX-Goog-Api-Key: [masked]\n"},
		{"such a header in a text", "sent X-Goog-Api-Key: X to them", "sent X-Goog-Api-Key: [masked] to them"},
		{"signed header", "sent Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=X", "sent Authorization: [masked]"},
		{"config", "user: bob\npassword: X\nport: 25", "user: bob\npassword: [masked]\nport: 25"},
		{"config, indented", "db:\n  password: X # see below\n", "db:\n  password: [masked]\n"},
		{"config, in a list", "- token: X\n- name: a", "- token: [masked]\n- name: a"},
		{"config, several words", "password: correct horse X", "password: [masked]"},
		{"config, quoted", "password: 'it X' # why\n", "password: '[masked]' # why\n"},
		{"config, in lines of its own", "a:\n  private_key: |\n    X\n\n    X\n  b: 1\n", "a:\n  private_key: [masked]\n  b: 1\n"},
		{"config, in capitals", "SECRET_KEY: X", "SECRET_KEY: [masked]"},
		{"in capitals in a text", "starting with SECRET_KEY: X and", "starting with SECRET_KEY: [masked] and"},
		{"label", "user: bob, password: X", "user: bob, password: [masked]"},
		{"label with a capital", "User: bob Password: X Port: 25", "User: bob Password: [masked] Port: 25"},
		{"setting and space", "client_secret X", "client_secret [masked]"},
		{"setting and spaces", "set client_secret   X now", "set client_secret   [masked] now"},
		{"flag", "run --password X --port 25", "run --password [masked] --port 25"},
		{"flag with one dash", "run -token X -port 25", "run -token [masked] -port 25"},
		{"flag, quoted", `run --client-secret "a X" b`, `run --client-secret "[masked]" b`},
		{"flag and equals", "run --password=X --port=25", "run --password=[masked] --port=25"},
		{"SQL role", "CREATE ROLE bob WITH PASSWORD 'X' LOGIN", "CREATE ROLE bob WITH PASSWORD '[masked]' LOGIN"},
		{"SQL function", "SET PASSWORD FOR bob = PASSWORD('X')", "SET PASSWORD FOR bob = PASSWORD('[masked]')"},
		{"SQL user", "CREATE USER bob IDENTIFIED BY 'X'", "CREATE USER bob IDENTIFIED BY '[masked]'"},
		{"quoted in a text", `wrong password "X y" for bob`, `wrong password "[masked]" for bob`},
		{"quoted in a quoted text", `"wrong password \"X y\" for bob"`, `"wrong password \"[masked]\" for bob"`},
		{"XML", "<user>bob</user><password>X</password>", "<user>bob</user><password>[masked]</password>"},
		{"XML with attributes", `<wsse:Password Type="text">X</wsse:Password>`, `<wsse:Password Type="text">[masked]</wsse:Password>`},
		{"XML as it stands", "<secret><![CDATA[X<b>]]></secret>", "<secret><![CDATA[[masked]]]></secret>"},
		{"XML cut off", "<password>X", "<password>[masked]"},
		{"multipart", "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nX\r\n--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n[masked]\r\n--b\r\n"},
		{"multipart with a type", "form-data; name=\"token\"; x=\"y\"\r\nContent-Type: text/plain\r\n\r\nX y\r\n--b", "form-data; name=\"token\"; x=\"y\"\r\nContent-Type: text/plain\r\n\r\n[masked]\r\n--b"},
		{"multipart as Go text", `"name=\"password\"\r\n\r\nX\r\n--b"`, `"name=\"password\"\r\n\r\n[masked]\r\n--b"`},
		{"input", `<input name="password" type="password" value="X">`, `<input name="password" type="password" value="[masked]">`},
		{"DSN of Go's MySQL", "bob:X@tcp(db:3306)/x", "bob:[masked]@tcp(db:3306)/x"},
		{"such a DSN in a text", `open "bob:p@X@unix(/run/db)/x": refused`, `open "bob:[masked]@unix(/run/db)/x": refused`},
		{"such a DSN without an address", "dsn=bob:X@/x", "dsn=bob:[masked]@/x"},
		{"bare bearer", "sent Bearer hunter2Canary to them", "sent Bearer [masked] to them"},
		{"bare bearer of letters", "bearer abcdefghijKLMNOPQRSTuvwxyz!", "bearer [masked]!"},
		{"bare basic", "sent Basic Ym9iOmh1bnRlcjJDYW5hcnk= to them", "sent Basic [masked] to them"},
		{"web token", "cannot verify " + jwt + ": expired", "cannot verify [masked]: expired"},
		{"web token cut off", "(" + jwt[:40] + ")", "([masked])"},
		{"private key", "-----BEGIN EC PRIVATE KEY-----" + pemBody + "-----END EC PRIVATE KEY-----\nrest", "-----BEGIN EC PRIVATE KEY-----[masked]-----END EC PRIVATE KEY-----\nrest"},
		{"private key cut off", "-----BEGIN PRIVATE KEY-----" + pemBody, "-----BEGIN PRIVATE KEY-----[masked]"},
		{"argon2", "got " + argon + ", want", "got [masked] want"},
		{"bcrypt", "got " + bcrypted + " for bob", "got [masked] for bob"},
		{"OAuth", "/callback?code=X&state=abc", "/callback?code=[masked]&state=abc"},
		{"OAuth, state first", "/callback?state=abc&code=X HTTP/1.1", "/callback?state=abc&code=[masked] HTTP/1.1"},
		{"OAuth, long code", "/callback?code=4/0AX4XfWjYhunter2", "/callback?code=[masked]"},
		{"OAuth, encoded", "next=%2Fcb%3Fcode%3DX%26state%3Dabc", "next=%2Fcb%3Fcode%3D[masked]%26state%3Dabc"},
	}
	var r *redact.Redactor
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, secret := range []string{canary, "CANARY", "canary", "c4n+Ary/x=="} {
				in, want := with(tt.in, secret), with(tt.want, secret)
				got := r.Text(in)
				if got != want {
					t.Errorf("Text(%q)\n got %q\nwant %q", in, got, want)
				}
				for _, leak := range []string{secret, canary, jwt, "ZGxad68LJZdL", "aGFzaGhhc2"} {
					if strings.Contains(got, leak) {
						t.Errorf("%q shows %s", got, leak)
					}
				}
				if again := r.Text(got); again != got {
					t.Errorf("masking again changed %q to %q", got, again)
				}
			}
		})
	}
}

var placeholder = regexp.MustCompile(`\bX\b`)

// with puts the secret in place of each X that stands by itself and begins no header's name.
func with(text, secret string) string {
	parts := strings.Split(text, "X-")
	for i, part := range parts {
		parts[i] = placeholder.ReplaceAllLiteralString(part, secret)
	}
	return strings.Join(parts, "X-")
}

// What holds no secret stays as it is.
func TestInnocent(t *testing.T) {
	t.Parallel()
	texts := []string{
		// Sentences.
		"password: at least 8 characters",
		"Password: must not be empty",
		"The password is wrong.",
		"refreshing the token: context deadline exceeded",
		"loading: session: not found",
		"session: dial tcp 127.0.0.1:6379: connect: connection refused",
		"jwt: token is expired",
		"csrf: origin mismatch",
		"authorization: not allowed for bob",
		"http: named cookie not present",
		"checking the password: argon2: out of memory",
		"Cookie: missing",
		"SECRET_KEY: must be at least 16 characters",
		"SECRET_KEY has 3 characters; at least 16 are needed",
		"SECRET_KEY begins or ends with a space, which is part of it.",
		"MAIL_PASSWORD is set without MAIL_USERNAME and is not used.",
		"MAIL_PASSWORD would go to mail unencrypted, because MAIL_USE_TLS is off.",
		"csrf_token validation failed",
		"--password is required",
		"flag needs an argument: --password",
		"the bearer of bad news; a bearer authentication scheme; Basic authentication",
		"unexpected token '<' in JSON at position 0",
		"author: susan",
		"Author: Susan",
		"token_count=5",
		"token_count: 5",
		"He said: 'passwords are hard', and I said \"so be it\".",
		"a password-reset mail; a secret-sharing scheme",
		"write to bob@example.org/bob or mailto:bob@example.org",
		"at 12:30@home (see 3:4)",
		"it costs $5, or $10$ a year",
		"code=404&page=2",
		"<b>Password</b> <label for=\"password\">Password</label> <input name=\"password\" type=\"password\">",
		"Optional<Password> is generic",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
		"eyJ is how many tokens begin",
		// Go's stacks and positions.
		"goroutine 7 [running]:\nexample.org/microblog/internal/session.(*Manager).Load(0xc000123, {0x1, 0x2})\n\t/srv/internal/web/session.go:43 +0x1d",
		"created by net/http.(*Server).Serve in goroutine 1\n\t/usr/local/go/src/net/http/cookie.go:3285 +0x4b4",
		"loaded [in internal/web/token.go:43]",
		"internal/web/password.go:12:3: syntax error",
		"panic: runtime error: invalid memory address or nil pointer dereference [recovered]",
		// SQL.
		"SELECT password_hash, auth_token FROM users WHERE session_token = $1 ORDER BY session_token DESC",
		"INSERT INTO auth_session (token, data) VALUES ($1, $2) ON CONFLICT (token) DO UPDATE SET data = $2",
		"CREATE TABLE user_session (auth_token TEXT NOT NULL, csrf_token BLOB, session_key VARCHAR(64))",
		"DELETE FROM auth_session WHERE expires < ?",
		"SELECT t.data FROM auth_session t JOIN csrf_token c ON c.id = t.id",
		"NOT NULL constraint failed: users.auth_token (1299)",
		`null value in column "password_hash" of relation "user" violates not-null constraint`,
		`relation "session_token" does not exist`,
		// Addresses and log lines.
		"https://example.org/user/susan?page=2&sort=name#top",
		"/oauth/error?code=404",
		"http://127.0.0.1:5000/login?next=%2Fuser%2Fsusan",
		"2026-11-22 14:42:52,672 INFO: request method=GET path=/user/susan?page=2 status=200 bytes=5120 ms=1.25 user=susan [in internal/web/session.go:43]",
		"2026-11-22 14:42:52,672 ERROR: GET /user/{username} failed fault=7F3K-92QD error=\"no such table: user\"",
	}
	var r *redact.Redactor
	for _, text := range texts {
		if got := r.Text(text); got != text {
			t.Errorf("Text(%q)\n got %q", text, got)
		}
	}
}

func TestFormOfOAuth(t *testing.T) {
	t.Parallel()
	var r *redact.Redactor
	if got := r.Form(url.Values{"code": {canary}, "state": {"abc"}}).Get("code"); got != redact.Mask {
		t.Errorf("beside a state, the code is %q", got)
	}
	if got := r.Form(url.Values{"code": {"404"}}).Get("code"); got != "404" {
		t.Errorf("a code by itself is %q", got)
	}
}
