package fault

import (
	"net/http"
	"runtime"
	"strings"
)

// routerText is the whole body of net/http's own answer of that status.
func routerText(code int) string {
	if code == http.StatusNotFound {
		return "404 page not found\n"
	}
	return "Method Not Allowed\n"
}

// isRoutersOwn tells whether the 404 or 405 about to be written may be the mux's own, for a request
// that no pattern matched: then it is held back until its body shows. The request that was handed
// down has no pattern then; but it has none either if a middleware copied it, so the rest of the
// answer must look like the mux's as well.
func (res *response) isRoutersOwn(code int) bool {
	if code != http.StatusNotFound && code != http.StatusMethodNotAllowed {
		return false
	}
	if res.st.req.Pattern != "" || res.st.route.Load() != nil {
		return false
	}
	h := res.Header()
	return has(h, "Content-Type", "text/plain; charset=utf-8") && has(h, "X-Content-Type-Options", "nosniff") &&
		h["Content-Length"] == nil && byRouter()
}

func has(h http.Header, key, value string) bool {
	v := h[key]
	return len(v) == 1 && v[0] == value
}

// byRouter tells from the call stack whether http.Error was called by a handler of net/http that a
// router uses by itself, and not by a handler that decided so (http.NotFound in a plain handler, a
// file server). Where the stack does not tell, as behind an http.TimeoutHandler, it is the router.
func byRouter() bool {
	var pcs [24]uintptr
	n := runtime.Callers(3, pcs[:])
	frames := runtime.CallersFrames(pcs[:n])
	inError := false
	for {
		frame, more := frames.Next()
		switch name := frame.Function; {
		case !inError:
			inError = name == "net/http.Error"
		case name == "net/http.NotFound", strings.HasPrefix(name, "net/http.(*ServeMux).findHandler.func"):
		default:
			return name == "net/http.HandlerFunc.ServeHTTP"
		}
		if !more {
			return true
		}
	}
}
