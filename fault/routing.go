package fault

import "net/http"

// routerText is the whole body of net/http's own answer of that status.
func routerText(code int) string {
	if code == http.StatusNotFound {
		return "404 page not found\n"
	}
	return "Method Not Allowed\n"
}

// isRoutersOwn tells whether the 404 or 405 about to be written may be the mux's own, for a request
// that no pattern matched: then it is held back until its body shows. The request that was handed
// down has no pattern then, and the answer's header is as http.Error makes it, with Allow for a 405.
func (res *response) isRoutersOwn(code int) bool {
	h := res.Header()
	switch code {
	case http.StatusNotFound:
	case http.StatusMethodNotAllowed:
		if h["Allow"] == nil {
			return false
		}
	default:
		return false
	}
	if res.st.req.Pattern != "" || res.st.route.Load() != nil {
		return false
	}
	return has(h, "Content-Type", "text/plain; charset=utf-8") && has(h, "X-Content-Type-Options", "nosniff") &&
		h["Content-Length"] == nil
}

func has(h http.Header, key, value string) bool {
	v := h[key]
	return len(v) == 1 && v[0] == value
}
