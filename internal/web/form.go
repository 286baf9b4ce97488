package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"

	"example.org/microblog/fault"
)

// maxForm bounds the body of a form, in bytes.
const maxForm = 64 << 10

// readForm reads the body of a form, URL-encoded or multipart (curl -F), and returns its values.
// Of the named fields it makes sure that each is there at most once and is text. An error is
// an answer for whoever sent the form; browsers cause none of them.
func readForm(w http.ResponseWriter, r *http.Request, fields ...string) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, fault.BadRequest("The Content-Type header of this request cannot be read.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	switch kind {
	case "application/x-www-form-urlencoded":
		err = r.ParseForm()
	case "multipart/form-data":
		err = r.ParseMultipartForm(maxForm)
		if r.MultipartForm != nil && len(r.MultipartForm.File) > 0 {
			_ = r.MultipartForm.RemoveAll()
			return nil, fault.BadRequest("This form does not take files.")
		}
	default:
		return nil, fault.With(http.StatusUnsupportedMediaType,
			"Please send the form as application/x-www-form-urlencoded or multipart/form-data.", nil)
	}
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, tooLarge()
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, fault.With(http.StatusRequestTimeout, "The form did not arrive in time. Please send it again.", err)
		}
		return nil, fault.With(http.StatusBadRequest, "The form cannot be read: it is cut off or badly encoded.", err)
	}
	for _, field := range fields {
		values := r.PostForm[field]
		if len(values) > 1 {
			return nil, fault.BadRequest("The form's field \"" + field + "\" was sent more than once.")
		}
		if len(values) == 1 && (!utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0)) {
			return nil, fault.BadRequest("The form's field \"" + field + "\" is not text in UTF-8.")
		}
	}
	return r.PostForm, nil
}

func tooLarge() error {
	return fault.TooLarge("The form is larger than 64 KiB, so it was not read.")
}

// checked reports whether a checkbox is on.
func checked(value string) bool {
	switch strings.ToLower(value) {
	case "", "0", "f", "false", "n", "no", "off":
		return false
	}
	return true
}
