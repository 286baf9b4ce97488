package fault_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"example.org/microblog/fault"
)

func TestID(t *testing.T) {
	t.Parallel()
	id := fault.ID{0x3b, 0xc7, 0x34, 0xda, 0xed, 0xff}
	if got := id.String(); got != "7F3K-9PQD" {
		t.Errorf("String() = %s", got)
	}
	if got := id.Full(); len(got) != 26 || !strings.HasPrefix(got, "7F3K9PQD") {
		t.Errorf("Full() = %s", got)
	}
	for in, want := range map[string]string{
		"7F3K-9PQD": "7F3K9PQD", "7f3k9pqd": "7F3K9PQD", " 7F3K 9PQD ": "7F3K9PQD", "oil0-oil0": "01100110", id.Full(): id.Full(),
	} {
		if got, err := fault.ParseIDPrefix(in); err != nil || got != want {
			t.Errorf("ParseIDPrefix(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "7F3K-9PQ", "7F3K-9PQU", "7F3K/9PQD", "7F3K-9PQD%", "ä7F3K9PQD", id.Full() + "0"} {
		if got, err := fault.ParseIDPrefix(in); err == nil {
			t.Errorf("ParseIDPrefix(%q) = %q without an error", in, got)
		}
	}
	if parsed, err := fault.ParseID(strings.ToLower(id.Full())); err != nil || parsed != id {
		t.Errorf("ParseID: %v, %v", parsed, err)
	}
	for _, in := range []string{"7F3K-9PQD", id.Full()[:25] + "Z", "!"} {
		if _, err := fault.ParseID(in); err == nil {
			t.Errorf("ParseID(%q) without an error", in)
		}
	}
	if !id.HasPrefix("7F3K9PQD") || id.HasPrefix("7F3K9PQE") {
		t.Error("HasPrefix")
	}
	if id.IsZero() || !(fault.ID{}).IsZero() {
		t.Error("IsZero")
	}
	for _, want := range []fault.ID{id, {}} {
		b, err := json.Marshal(want)
		var got fault.ID
		if err == nil {
			err = json.Unmarshal(b, &got)
		}
		if err != nil || got != want {
			t.Errorf("as JSON %s, back as %v with %v", b, got, err)
		}
	}
	var unchanged fault.ID
	if err := unchanged.UnmarshalText([]byte("nonsense")); err == nil || !unchanged.IsZero() {
		t.Error("nonsense was read as an ID")
	}
}

func TestIDsDiffer(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	seen := map[fault.ID]bool{}
	for range 200 {
		seen[g.Report(t.Context(), errors.New("x"))] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d different IDs of 200", len(seen))
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("7F3K-92QD")
	f.Add("7f3k92qd00000000000000000o")
	f.Add("\xff----")
	f.Fuzz(func(t *testing.T, s string) {
		prefix, err := fault.ParseIDPrefix(s)
		if err != nil {
			if _, err := fault.ParseID(s); err == nil {
				t.Errorf("%q is an ID but does not begin like one", s)
			}
			return
		}
		if again, err := fault.ParseIDPrefix(prefix); err != nil || again != prefix {
			t.Errorf("%q became %q, and that %q, %v", s, prefix, again, err)
		}
		if id, err := fault.ParseID(s); err == nil && (id.Full() != prefix || !id.HasPrefix(prefix)) {
			t.Errorf("%q was read as %s", s, id.Full())
		}
	})
}
