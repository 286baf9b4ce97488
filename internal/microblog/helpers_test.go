package microblog_test

import (
	"errors"
	"strings"
	"testing"

	"example.org/microblog/internal/microblog"
)

// wantFieldError checks that err is a FieldError for field whose text contains text.
func wantFieldError(t *testing.T, err error, field, text string) {
	t.Helper()
	var fe *microblog.FieldError
	if !errors.As(err, &fe) || fe.Field != field || !strings.Contains(fe.Text, text) {
		t.Errorf("error = %v; want one for %s with %q", err, field, text)
	}
}
