package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

func testJar(t testing.TB) cookieJar {
	t.Helper()
	jar, err := newCookieJar([]byte("a key for tests only, of 32 bytes"), false)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}

// FuzzNotice: what a browser sends as a notice is shown only if it is what we gave it.
func FuzzNotice(f *testing.F) {
	f.Add("Your changes have been saved.", "x")
	f.Add("\x00", "AAAA")
	f.Add("é\n", "%00")
	jar := testJar(f)
	now := newTestTime()
	f.Fuzz(func(t *testing.T, text, forged string) {
		w := httptest.NewRecorder()
		jar.setNotice(w, false, Notice{Kind: good, Text: text}, now)
		set := w.Result().Cookies()
		if len(text) > maxNoticeText {
			if len(set) != 0 {
				t.Fatal("a text without end is set as a cookie")
			}
			return
		}
		take := func(value string, at time.Time) []Notice {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Cookie", "notice="+value)
			return jar.takeNotice(httptest.NewRecorder(), r, false, at)
		}
		if got := take(set[0].Value, now); utf8.ValidString(text) && (len(got) != 1 || got[0].Text != text || got[0].Kind != good) {
			t.Fatalf("%q came back as %+v", text, got)
		}
		if got := take(set[0].Value, now.Add(noticeLifetime+time.Second)); got != nil {
			t.Fatalf("an old notice came back: %+v", got)
		}
		if forged != set[0].Value {
			if got := take(forged, now); got != nil {
				t.Fatalf("%q was taken for a notice: %+v", forged, got)
			}
		}
	})
}

func newTestTime() time.Time { return time.Date(2026, 11, 22, 14, 42, 52, 0, time.UTC) }

// TestDeviceMark: a mark works for the account it was made for, and nowhere else.
func TestDeviceMark(t *testing.T) {
	t.Parallel()
	jar := testJar(t)
	w := httptest.NewRecorder()
	jar.markDevice(w, httptest.NewRequest(http.MethodGet, "/", nil), false, 7)
	given := w.Result().Cookies()[0]
	if given.MaxAge <= 0 || !given.HttpOnly {
		t.Errorf("the cookie is %v", given)
	}
	with := func(value string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "device", Value: value})
		return r
	}
	mark := jar.deviceMark(with(given.Value), 7)
	if mark == "" {
		t.Fatal("the mark does not work")
	}
	if got := jar.deviceMark(with(given.Value), 77) + jar.deviceMark(with(given.Value), 0); got != "" {
		t.Errorf("the mark works for somebody else: %q", got)
	}
	if got := jar.deviceMark(with(sign(jar.noticeKey, []byte("7 "+mark))), 7); got != "" {
		t.Error("a signature for something else works")
	}
	if got := jar.deviceMark(with(given.Value[:len(given.Value)-1]), 7); got != "" {
		t.Error("a mark that was cut off works")
	}
	again := httptest.NewRecorder()
	jar.markDevice(again, with(given.Value), false, 7)
	if got := jar.deviceMark(with(again.Result().Cookies()[0].Value), 7); got != mark {
		t.Error("signing in again made another mark, with guesses of its own")
	}
	other := httptest.NewRecorder()
	jar.markDevice(other, with(given.Value), false, 8)
	if got := jar.deviceMark(with(other.Result().Cookies()[0].Value), 8); got == "" || got == mark {
		t.Errorf("somebody else's mark is %q", got)
	}
}

// FuzzSessionCodec: what is stored comes back, and no damaged session makes the server fail.
func FuzzSessionCodec(f *testing.F) {
	for _, values := range []map[string]any{nil, {rememberKey: true}, {"a": "b"}} {
		data, err := sessionCodec{}.Encode(newTestTime(), values)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("12345678null"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		deadline, values, err := sessionCodec{}.Decode(data)
		if err != nil {
			return
		}
		if values == nil {
			t.Fatal("no values: scs would write into a nil map")
		}
		again, err := sessionCodec{}.Encode(deadline, values)
		if err != nil {
			t.Fatal(err)
		}
		deadline2, values2, err := sessionCodec{}.Decode(again)
		if err != nil || !deadline2.Equal(deadline) || !reflect.DeepEqual(values, values2) || !bytes.Equal(again[:8], data[:8]) {
			t.Fatalf("%v %v became %v %v (%v)", deadline, values, deadline2, values2, err)
		}
	})
}

// FuzzReadPage: a query gives a part of the list that the store accepts, or an error to show.
func FuzzReadPage(f *testing.F) {
	for _, seed := range []string{"before=1", "after=9223372036854775807", "before=%00", "before=1&before=1", "a;b", "%", "after=-1", "before=1&after=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		page, err := readPage(&url.URL{Path: "/explore", RawQuery: query}, 20)
		if err != nil {
			return
		}
		if page.Limit != 20 || page.Before < 0 || page.After < 0 || page.Before > 0 && page.After > 0 {
			t.Fatalf("%q gives %+v", query, page)
		}
		links := pager("/explore", page, struct{ Newer, Older int64 }{page.Before, page.After}, 1)
		for _, link := range []string{links.Newer, links.Older} {
			if link == "" {
				continue
			}
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := readPage(u, 20); err != nil {
				t.Fatalf("our own link %q: %v", link, err)
			}
		}
	})
}

func TestSignature(t *testing.T) {
	t.Parallel()
	signed := sign([]byte("old key"), []byte("payload"))
	if _, ok := verify([]byte("new key"), signed); ok {
		t.Error("a signature of another key is good")
	}
	if payload, ok := verify([]byte("old key"), signed); !ok || string(payload) != "payload" {
		t.Errorf("%q, %t", payload, ok)
	}
	for _, bad := range []string{"", "A", "!!!!", signed[:20], signed + "AA", signed + "=", " " + signed} {
		if _, ok := verify([]byte("old key"), bad); ok {
			t.Errorf("%q is good", bad)
		}
	}
}

func TestChecked(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"y": true, "on": true, "1": true, "true": true, "": false, "0": false, "false": false, "False": false, "off": false, "no": false, "n": false} {
		if checked(value) != want {
			t.Errorf("checked(%q) = %t", value, !want)
		}
	}
}
