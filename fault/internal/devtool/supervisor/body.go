package supervisor

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"example.org/microblog/fault/redact"
)

// bodyText returns the body of a request that is no form as text, masked. It is "" where that is not known to be all of it.
func bodyText(red *redact.Redactor, contentType string, body []byte, whole bool) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || !whole || !utf8.Valid(body) || kind == "application/x-www-form-urlencoded" || strings.HasPrefix(kind, "multipart/") {
		return ""
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // as it was written
	var value any
	if decoder.Decode(&value) != nil || decoder.Decode(new(any)) != io.EOF {
		return red.Text(string(body))
	}
	clean, changed := maskedJSON(red, value)
	if !changed {
		return string(body)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(clean) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// maskedJSON masks what goes under the name of a secret or looks like one. It may change the value that it is given.
func maskedJSON(red *redact.Redactor, value any) (masked any, changed bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if red.IsSecretKey(name) && member != nil && member != "" {
				v[name], changed = redact.Mask, true
				continue
			}
			clean, differs := maskedJSON(red, member)
			v[name], changed = clean, changed || differs
		}
	case []any:
		for i, element := range v {
			clean, differs := maskedJSON(red, element)
			v[i], changed = clean, changed || differs
		}
	case string:
		clean := red.Text(v)
		return clean, clean != v
	}
	return value, changed
}
