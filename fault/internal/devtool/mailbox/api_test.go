package mailbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

type mailsAnswer struct {
	Mails []struct {
		ID       int64
		Subject  string
		From, To []string
		Envelope struct{ To []string }
		URL      string
	}
}

func TestAPIMails(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	s.mustSend("From: Susan <susan@x.example>\r\nTo: David <david@x.example>\r\nSubject: One\r\n\r\nx", "david@x.example", "secret@y.example")
	s.mustSend("From: David <david@x.example>\r\nSubject: Two\r\n\r\nx", "susan@x.example")
	s.mustSend("From: David <david@x.example>\r\nSubject: Three\r\n\r\nx", "susan@x.example")
	for query, want := range map[string]string{
		"":                      "3 2 1",
		"?to=DAVID@x":           "1",
		"?to=secret@y.example":  "1",
		"?from=susan":           "1",
		"?from=app@example.org": "3 2 1",
		"?subject=t":            "3 2",
		"?subject=t&to=david":   "",
		"?q=two":                "2",
		"?after=1":              "3 2",
		"?after=1&before=3":     "2",
		"?limit=2":              "3 2",
		"?wait=0&count=9":       "3 2 1",
	} {
		var got mailsAnswer
		s.get("/api/mails"+query).json(t, &got)
		var ids []string
		for _, m := range got.Mails {
			ids = append(ids, fmt.Sprint(m.ID))
		}
		if strings.Join(ids, " ") != want {
			t.Errorf("%s: %s, want %s", query, ids, want)
		}
	}
	for _, wrong := range []string{"?too=x", "?after=-1", "?after=x", "?wait=long", "?wait=2m", "?wait=-1s", "?count=x"} {
		if a := s.get("/api/mails" + wrong); a.status != http.StatusBadRequest || !strings.Contains(a.body, `"error"`) {
			t.Errorf("%s: %d %s", wrong, a.status, a.body)
		}
	}
}

func TestAPIWaits(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	began := time.Now()
	var got mailsAnswer
	s.get("/api/mails?wait=50ms").json(t, &got)
	if took := time.Since(began); len(got.Mails) != 0 || got.Mails == nil || took < 50*time.Millisecond {
		t.Errorf("%+v after %s", got, took)
	}
	answers := make(chan mailsAnswer)
	go func() {
		var got mailsAnswer
		s.get("/api/mails?to=susan&count=2&wait=30s").json(t, &got)
		answers <- got
	}()
	s.mustSend(simple, "susan@x.example")
	s.mustSend(simple, "david@x.example")
	select {
	case got := <-answers:
		// "to" also looks at the header, where Susan is named in both
		if len(got.Mails) != 2 {
			t.Errorf("%+v", got)
		}
	case <-time.After(patience):
		t.Fatal("it waits for mails that are there")
	}
}

func TestAPIMail(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	if err := s.client().DialAndSendWithContext(t.Context(), message(t)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		ID          int64
		Received    time.Time
		Subject     string
		MessageID   string `json:"message_id"`
		Text, HTML  string
		Header      [][2]string
		Attachments []struct {
			Name, URL string
			Size      int
		}
		References []string
	}
	s.get("/api/mails/1").json(t, &got)
	if got.ID != 1 || got.Subject != "Grüße \U0001F600" || got.MessageID != "m1@example.org" || !strings.Contains(got.Text, "Schöne Grüße") ||
		!strings.Contains(got.HTML, "<b>Grüße</b>") || time.Since(got.Received) > time.Hour || got.References == nil {
		t.Errorf("%+v", got)
	}
	found := false
	for _, field := range got.Header {
		found = found || field == [2]string{"Subject", "Grüße \U0001F600"}
	}
	if !found {
		t.Errorf("header %q", got.Header)
	}
	if len(got.Attachments) != 1 || got.Attachments[0].Name != "Übersicht.txt" || got.Attachments[0].Size != 10 {
		t.Fatalf("%+v", got.Attachments)
	}
	a := s.get(strings.TrimPrefix(got.Attachments[0].URL, s.URL()))
	if a.body != "eins, zwei" || !strings.Contains(a.header.Get("Content-Disposition"), "filename*=utf-8''%C3%9Cbersicht.txt") {
		t.Errorf("%+v", a)
	}
	if a := s.get("/api/mails/2"); a.status != http.StatusNotFound || !strings.Contains(a.body, `"error"`) {
		t.Errorf("%+v", a)
	}
}

func TestAPIFaults(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{})
	post := func(body string) answer {
		return s.do(http.MethodPost, "/api/faults", body, "Content-Type", "application/json; charset=utf-8")
	}
	var got struct {
		Rules         []string
		First, Failed int
		Chance        float64
	}
	post(`{"rules": ["tempfail", "slow=1ms"], "first": 1, "chance": 1}`).json(t, &got)
	if strings.Join(got.Rules, " ") != "tempfail@rcpt slow=1ms" || got.First != 1 || got.Chance != 1 || got.Failed != 0 {
		t.Errorf("%+v", got)
	}
	if err := s.send(simple); err == nil {
		t.Error("nothing failed")
	}
	s.get("/api/faults").json(t, &got)
	if got.Failed != 1 {
		t.Errorf("%+v", got)
	}
	s.mustSend(simple)
	for body, why := range map[string]string{
		`{"rules": ["explode"]}`:                     "no way to fail",
		`{"rules": ["refuse=450"]}`:                  "500 to 599",
		`{"rule": ["drop"]}`:                         `{\"rules\": [\"tempfail@rcpt\"]`,
		`drop`:                                       "the body is not like",
		`{"rules": ["refuse@starttls"]}`:             "STARTTLS",
		`{"rules": ["silent", "drop@connect"]}`:      "cannot both be",
		`{"rules": ["drop"], "first": -1}`:           "-1",
		strings.Repeat(" ", 100_000) + `{"first":1}`: "too large",
	} {
		if a := post(body); a.status != http.StatusBadRequest || !strings.Contains(a.body, why) {
			t.Errorf("%.50s: %d %s", body, a.status, a.body)
		}
	}
	if a := s.do(http.MethodPost, "/api/faults", `{}`, "Content-Type", "text/plain"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain: %d", a.status)
	}
	post(`{}`).json(t, &got)
	if len(got.Rules) != 0 {
		t.Errorf("%+v", got)
	}
}

type stateAnswer struct {
	Revision int64
	Mails    int
	Bytes    int64
	Arrived  int64
	LetGo    int64 `json:"let_go"`
	Events   []struct{ Client, Text string }
	SMTP     string
}

func TestAPIState(t *testing.T) {
	t.Parallel()
	s := start(t, mailbox.Options{Keep: 2, Username: "susan", Password: "pw"})
	var before, after stateAnswer
	s.get("/api/state").json(t, &before)
	if before.SMTP != s.SMTPAddr() || before.Mails != 0 {
		t.Errorf("%+v", before)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.get(fmt.Sprintf("/api/state?since=%d&wait=30s", before.Revision)).json(t, &after)
	}()
	if err := s.send(simple); err == nil {
		t.Error("it was taken without AUTH")
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it waits for a change that has been")
	}
	if after.Revision <= before.Revision || len(after.Events) != 1 || !strings.Contains(after.Events[0].Text, "without AUTH") {
		t.Errorf("%+v", after)
	}
}

func TestOldMailsMakeRoom(t *testing.T) {
	t.Parallel()
	t.Run("by number", func(t *testing.T) {
		s := start(t, mailbox.Options{Keep: 3})
		for range 5 {
			s.mustSend(simple)
		}
		var state stateAnswer
		s.get("/api/state").json(t, &state)
		if all := s.Mails(); len(all) != 3 || all[0].ID != 5 || all[2].ID != 3 || state.Arrived != 5 || state.LetGo != 2 {
			t.Errorf("%d mails, %+v", len(all), state)
		}
		if list := s.get("/").body; !strings.Contains(list, "2 older mails had to make room") {
			t.Errorf("the page does not tell:\n%s", list)
		}
	})
	t.Run("by size", func(t *testing.T) {
		s := start(t, mailbox.Options{KeepBytes: 1 << 20, MaxMailBytes: 1 << 20})
		for range 8 {
			s.mustSend(simple + strings.Repeat(strings.Repeat("x", 98)+"\r\n", 3000))
		}
		var state stateAnswer
		s.get("/api/state").json(t, &state)
		if state.Bytes > 1<<20 || state.Mails != 3 || state.LetGo != 5 {
			t.Errorf("%+v", state)
		}
		s.mustSend(simple + strings.Repeat(strings.Repeat("x", 98)+"\r\n", 10400)) // with all around it, more than is kept of all
		if m := s.one(); m.ID != 9 {
			t.Errorf("mail %d is kept", m.ID)
		}
	})
}
