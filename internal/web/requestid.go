package web

import (
	"math/rand/v2"
	"net/http"
)

// maxRequestID bounds the length in bytes of a request id that a proxy gives.
const maxRequestID = 128

// requestID returns what to call a request in the logs: the trusted proxy's X-Request-Id where it is
// well formed, so that both logs tell the same story, else 16 random hexadecimal digits. The id is
// no secret.
func requestID(r *http.Request, trusted bool) string {
	if trusted {
		if ids := r.Header["X-Request-Id"]; len(ids) == 1 && validRequestID(ids[0]) {
			return ids[0]
		}
	}
	const digits = "0123456789abcdef"
	var b [16]byte
	n := rand.Uint64()
	for i := range b {
		b[i] = digits[n&15]
		n >>= 4
	}
	return string(b[:])
}

func validRequestID(s string) bool {
	if s == "" || len(s) > maxRequestID {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '+', c == '/', c == '=', c == '@':
		default:
			return false
		}
	}
	return true
}
