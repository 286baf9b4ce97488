package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Two processes fail as fast as they can, into one log of the usual 10 KiB. No record is torn, lost
// or doubled, each file is as full as it can be, and the access log has a line for each request.
func TestLogStorm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := settings{
		"DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "microblog.db"),
		"LOG_BACKUPS":  "1000", "ACCESS_MAX_BYTES": "20KiB", "ACCESS_BACKUPS": "1000",
		"TRUSTED_PROXIES": "127.0.0.1",
	}
	var servers []*server
	for range 2 {
		servers = append(servers, start(t, options{dir: dir, args: []string{"--drill"}, settings: set}))
	}
	kinds := []string{"panic", "nil", "error", "wrapped", "template"}
	const workers, each = 8, 60
	ids := make([][]string, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			c := servers[w%2].client(t)
			for i := range each {
				path := fmt.Sprintf("/drill/%s?storm=%d-%d", kinds[i%len(kinds)], w, i)
				r, err := c.try("GET", path, nil, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if r.status != http.StatusInternalServerError {
					t.Errorf("%s: status %d", path, r.status)
				}
				ids[w] = append(ids[w], r.header.Get("Fault-Id"))
			}
		})
	}
	all.Wait()
	for _, s := range servers {
		if err := s.stop(); err != nil { // which writes what is waiting
			t.Fatal(err)
		}
	}

	logged := map[string]int{}
	for _, r := range allRecords(t, filepath.Join(dir, "logs", "microblog.log")) {
		if id := r.attrs["fault"]; id != "" {
			logged[id]++
			if r.level != "ERROR" || len(r.stack) == 0 {
				t.Errorf("a record without its stack:\n%s", r)
			}
		}
	}
	for w := range ids {
		for _, id := range ids[w] {
			if logged[id] != 1 {
				t.Errorf("the failure %s is %d times in the log, want once", id, logged[id])
			}
		}
	}
	if len(logged) != workers*each {
		t.Errorf("the log has %d failures, want %d", len(logged), workers*each)
	}
	parts := logParts(t, filepath.Join(dir, "logs", "microblog.log"))
	checkRotation(t, parts, 10240)
	t.Logf("%d failures in %d files", len(logged), len(parts))

	access := filepath.Join(dir, "logs", "access.log")
	requests := map[string]int{}
	for _, r := range allRecords(t, access) {
		if _, mark, ok := strings.Cut(r.attrs["path"], "?storm="); ok {
			requests[mark]++
			if r.attrs["status"] != "500" || r.attrs["method"] != "GET" || r.attrs["bytes"] == "" || r.attrs["ms"] == "" || r.attrs["request"] == "" || r.attrs["user"] == "" {
				t.Errorf("an access line that lacks something: %s", r.line)
			}
		}
	}
	for w := range workers {
		for i := range each {
			if n := requests[fmt.Sprintf("%d-%d", w, i)]; n != 1 {
				t.Errorf("the request %d-%d is %d times in the access log, want once", w, i, n)
			}
		}
	}
	checkRotation(t, logParts(t, access), 20<<10)
	entries, err := os.ReadDir(filepath.Join(dir, "logs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "microblog.log") && !strings.HasPrefix(e.Name(), "access.log") {
			t.Errorf("LOG_DIR holds something else: %s", e.Name())
		}
	}
}

// The ten backups of the settings as they are, and nothing beyond.
func TestLogBackups(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--drill"}})
	c := s.client(t)
	var ids []string
	for range 400 {
		ids = append(ids, c.get("/drill/wrapped").want(500).header.Get("Fault-Id"))
	}
	parts := logParts(t, s.path("logs", "microblog.log"))
	if len(parts) != 11 {
		t.Fatalf("there are %d files, want the log and 10 backups", len(parts))
	}
	checkRotation(t, parts, 10240)
	// What is left is the end, without a gap.
	var logged []string
	for _, r := range allRecords(t, s.path("logs", "microblog.log")) {
		logged = append(logged, r.attrs["fault"])
	}
	if len(logged) >= len(ids) {
		t.Fatalf("the log still has all of %d records", len(logged))
	}
	for i, id := range ids[len(ids)-len(logged):] {
		if logged[i] != id {
			t.Fatalf("the %d. failure left in the log is %s, want %s", i+1, logged[i], id)
		}
	}
}
