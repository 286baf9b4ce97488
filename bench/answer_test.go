package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParseHead(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want head
		err  string
	}{
		"plain":             {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", head{200, 12, false}, ""},
		"any case":          {"HTTP/1.1 404 Not Found\r\ncontent-LENGTH:7 \r\nConnection: Close\r\n\r\n", head{404, 7, true}, ""},
		"no reason":         {"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n", head{500, 0, false}, ""},
		"no content":        {"HTTP/1.1 204 No Content\r\n\r\n", head{204, 0, false}, ""},
		"length twice":      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", head{}, "not a Content-Length"},
		"length not number": {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", head{}, "not a Content-Length"},
		"length too big":    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", head{}, "not a Content-Length"},
		"no length":         {"HTTP/1.1 200 OK\r\n\r\n", head{}, "no Content-Length"},
		"chunked":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head{}, "Transfer-Encoding"},
		"interim":           {"HTTP/1.1 100 Continue\r\n\r\n", head{}, "not a final status"},
		"other protocol":    {"SSH-2.0-x\r\n\r\n", head{}, "not the status line"},
		"long status":       {"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", head{}, "not the status line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseHead([]byte(test.text))
			switch {
			case test.err == "" && err != nil, test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Fatalf("error %v, want one with %q", err, test.err)
			case err == nil && got != test.want:
				t.Fatalf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAnswerReaderKeepsAnswersApart(t *testing.T) {
	const first = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	second := "HTTP/1.1 404 Not Found\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 200_000)
	for name, r := range map[string]io.Reader{
		"in one piece":  strings.NewReader(first + second + first),
		"byte by byte":  iotest.OneByteReader(strings.NewReader(first + second + first)),
		"in two halves": iotest.HalfReader(strings.NewReader(first + second + first)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := newAnswerReader(r)
			for i, want := range []string{first, second, first} {
				var raw bytes.Buffer
				if _, err := answers.next(&raw); err != nil {
					t.Fatal(err)
				}
				if raw.String() != want {
					t.Errorf("answer %d has %d bytes, want %d", i, raw.Len(), len(want))
				}
			}
			if _, err := answers.next(nil); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("after the last answer: %v", err)
			}
		})
	}
}

func TestAnswerReaderBoundsTheHead(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\n"), strings.NewReader(strings.Repeat("A: b\r\n", maxHead)))
	if _, err := newAnswerReader(endless).next(nil); err == nil || !strings.Contains(err.Error(), "exceeds") {
		t.Errorf("an endless head gives %v", err)
	}
}

// FuzzParseHead: what is accepted means the same to net/http.
func FuzzParseHead(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
	f.Add("HTTP/1.1 404 Not Found\r\ncontent-length:7 \r\nConnection: close\r\n\r\n")
	f.Add("HTTP/1.1 304 Not Modified\r\nEtag: x\r\n\r\n")
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHead([]byte(text))
		if err != nil {
			return
		}
		if h.status < 200 || h.status > 999 || h.length < 0 {
			t.Fatalf("%q gives %+v", text, h)
		}
		if strings.Index(text, "\r\n\r\n") != len(text)-4 {
			return
		}
		res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
		if err != nil || h.status == http.StatusNoContent || h.status == http.StatusNotModified {
			return // net/http is stricter, and tells these lengths in another way
		}
		defer res.Body.Close()
		if res.StatusCode != h.status || res.ContentLength != int64(h.length) {
			t.Fatalf("%q gives %+v, to net/http it is %d with %d bytes", text, h, res.StatusCode, res.ContentLength)
		}
	})
}
