package fault_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/microblog/fault"
)

const (
	asHTML = "text/html; charset=utf-8"
	asJSON = "application/problem+json"
	asText = "text/plain; charset=utf-8"
)

// answered returns the content type of the answer to a request with these headers.
func answered(c *fault.Catcher, header http.Header) *http.Response {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header = header
	w := httptest.NewRecorder()
	c.Answer(w, r, fault.NotFound("None."))
	return w.Result()
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	const (
		firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
		curl    = "curl/8.9.1"
	)
	tests := []struct {
		name   string
		header []string
		want   string
		vary   bool // by Accept alone
	}{
		{"Firefox navigates", []string{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "User-Agent", firefox, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, asHTML, true},
		{"Chrome navigates", []string{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7", "User-Agent", firefox}, asHTML, true},
		{"image", []string{"Accept", "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "User-Agent", firefox, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, asJSON, false},
		{"stylesheet", []string{"Accept", "text/css,*/*;q=0.1", "User-Agent", firefox, "Sec-Fetch-Dest", "style"}, asJSON, false},
		{"fetch", []string{"Accept", "*/*", "User-Agent", firefox, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, asJSON, false},
		{"fetch over plain HTTP", []string{"Accept", "*/*", "User-Agent", firefox}, asJSON, false},
		{"old script", []string{"Accept", "*/*", "User-Agent", firefox, "X-Requested-With", "XMLHttpRequest"}, asJSON, false},
		{"frame", []string{"Accept", "*/*", "User-Agent", firefox, "Sec-Fetch-Dest", "iframe"}, asHTML, false},
		{"axios", []string{"Accept", "application/json, text/plain, */*", "User-Agent", firefox}, asJSON, true},
		{"jQuery", []string{"Accept", "application/json, text/javascript, */*; q=0.01"}, asJSON, true},
		{"robot", []string{"User-Agent", "Mozilla/5.0 (compatible; robot)"}, asHTML, false},
		{"curl", []string{"Accept", "*/*", "User-Agent", curl}, asText, false},
		{"wget", []string{"Accept", "*/*", "User-Agent", "Wget/1.24.5"}, asText, false},
		{"HTTPie", []string{"Accept", "*/*", "User-Agent", "HTTPie/3.2.3"}, asText, false},
		{"HTTPie with JSON", []string{"Accept", "application/json, */*;q=0.5", "User-Agent", "HTTPie/3.2.3"}, asJSON, true},
		{"xh", []string{"Accept", "*/*", "User-Agent", "xh/0.22.0"}, asText, false},
		{"curl wants HTML", []string{"Accept", "text/html", "User-Agent", curl}, asHTML, true},
		{"curl wants JSON", []string{"Accept", "application/json", "User-Agent", curl}, asJSON, true},
		{"curl sends JSON", []string{"Accept", "*/*", "User-Agent", curl, "Content-Type", "application/json; charset=utf-8"}, asJSON, false},
		{"curl sends JSON:API", []string{"Accept", "*/*", "User-Agent", curl, "Content-Type", "application/vnd.api+json"}, asJSON, false},
		{"curl sends a form", []string{"Accept", "*/*", "User-Agent", curl, "Content-Type", "application/x-www-form-urlencoded"}, asText, false},
		{"python-requests", []string{"Accept", "*/*", "User-Agent", "python-requests/2.32.3"}, asJSON, false},
		{"Go", []string{"User-Agent", "Go-http-client/1.1"}, asJSON, false},
		{"nothing at all", nil, asText, false},
		{"empty", []string{"Accept", "", "User-Agent", "Go-http-client/1.1"}, asJSON, false},
		{"problem document", []string{"Accept", "application/problem+json"}, asJSON, true},
		{"vendor's JSON", []string{"Accept", "application/vnd.github+json"}, asJSON, true},
		{"any application", []string{"Accept", "application/*"}, asJSON, true},
		{"plain text", []string{"Accept", "text/plain", "User-Agent", firefox}, asText, true},
		{"any text", []string{"Accept", "text/*", "User-Agent", firefox}, asHTML, false},
		{"any text on a terminal", []string{"Accept", "text/*", "User-Agent", curl}, asText, false},
		{"XHTML", []string{"Accept", "application/xhtml+xml"}, asHTML, true},
		{"weights", []string{"Accept", "text/html;q=0.5, application/json;q=0.6"}, asJSON, true},
		{"weights the other way", []string{"Accept", "text/html;q=0.7,application/json;q=0.6"}, asHTML, true},
		{"exact beats any", []string{"Accept", "*/*, text/plain"}, asText, true},
		{"first of equals", []string{"Accept", "text/plain, application/json"}, asText, true},
		{"refuses HTML", []string{"Accept", "text/html;q=0, */*", "Sec-Fetch-Mode", "navigate"}, asJSON, false},
		{"refuses all of ours", []string{"Accept", "image/png", "User-Agent", curl}, asText, false},
		{"refuses everything", []string{"Accept", "*/*;q=0", "User-Agent", curl}, asText, false},
		{"upper case", []string{"Accept", "Application/JSON;Q=1"}, asJSON, true},
		{"charset", []string{"Accept", "text/plain;charset=UTF-8"}, asText, true},
		{"other charset", []string{"Accept", "text/plain;charset=latin1, text/html;q=0.1"}, asHTML, true},
		{"parameter nobody has", []string{"Accept", "text/html;level=1, application/json;q=0.1"}, asJSON, true},
		{"quoted comma", []string{"Accept", `x/y;a="text/html,\",application/json", text/plain`}, asText, true},
		{"nonsense", []string{"Accept", ";;;,,/,*/html,text/html;q=2,text/html;q=x,text/html;q=0.1234, text/plain;q=1.000"}, asText, true},
	}
	c := newRig(fault.Options{}).Catcher
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for i := 0; i < len(tt.header); i += 2 {
				h.Set(tt.header[i], tt.header[i+1])
			}
			res := answered(c, h)
			if got := res.Header.Get("Content-Type"); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if vary := res.Header.Get("Vary"); (vary == "Accept") != tt.vary || !strings.HasPrefix(vary, "Accept") {
				t.Errorf("Vary is %q", vary)
			}
		})
	}
}

func TestAcceptInSeveralLines(t *testing.T) {
	t.Parallel()
	c := newRig(fault.Options{}).Catcher
	if got := answered(c, http.Header{"Accept": {"image/png", "application/json;q=0.2", "text/plain;q=0.1"}}).Header.Get("Content-Type"); got != asJSON {
		t.Errorf("got %s", got)
	}
	// Beyond what is looked at nothing counts.
	if got := answered(c, http.Header{"Accept": {strings.Repeat("x/y,", 2000) + "text/html"}}).Header.Get("Content-Type"); got != asText {
		t.Errorf("got %s", got)
	}
}

func TestVaryIsKept(t *testing.T) {
	t.Parallel()
	c := newRig(fault.Options{}).Catcher
	w := httptest.NewRecorder()
	w.Header().Set("Vary", "*")
	c.Answer(w, httptest.NewRequest("GET", "/", nil), fault.NotFound(""))
	if got := w.Header()["Vary"]; len(got) != 1 || got[0] != "*" {
		t.Errorf("Vary is %v", got)
	}
}

func FuzzAccept(f *testing.F) {
	for _, s := range []string{browser, "*/*", "", "text/html;q=0.5,", `a/b;c="d,\"`, "application/*;q=1.000;x", "TEXT/*;Q=.5", ",;=/"} {
		f.Add(s, "curl/8")
	}
	c := newRig(fault.Options{}).Catcher
	f.Fuzz(func(t *testing.T, accept, agent string) {
		res := answered(c, http.Header{"Accept": {accept}, "User-Agent": {agent}})
		switch ct := res.Header.Get("Content-Type"); ct {
		case asHTML, asJSON, asText:
		default:
			t.Errorf("answered as %q", ct)
		}
		// What is asked for by name and nothing else is given, whatever nonsense comes behind it.
		only := answered(c, http.Header{"Accept": {"application/problem+json", accept + ";q=0"}})
		if res.StatusCode != 404 || only.StatusCode != 404 {
			t.Errorf("statuses %d and %d", res.StatusCode, only.StatusCode)
		}
	})
}
