//go:build unix

package main_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRunPassingAbsence: a file that is gone just while it is compiled, as when a tool writes it anew, breaks that build. It is
// what it was when somebody looks, and is built all the same.
func TestRunPassingAbsence(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{"main.go": editedMain, "version/version.go": versionFile(0)})
	outside := t.TempDir()
	tool, order := filepath.Join(outside, "tool"), filepath.Join(outside, "order")
	put(t, tool, `#!/bin/sh
case "$*" in
*/compile*version.go*)
	if rm "`+order+`" 2>/dev/null; then
		mv "`+dir+`/version/version.go" "`+outside+`/away"
		"$@"
		code=$?
		mv "`+outside+`/away" "`+dir+`/version/version.go"
		exit $code
	fi ;;
esac
exec "$@"
`)
	if err := os.Chmod(tool, 0o755); err != nil {
		t.Fatal(err)
	}
	r := runFault(t, dir, "--no-mailbox", "--no-debugger", "--no-vet", "--build-flag=-toolexec="+tool)
	r.serves("/version", "v0")
	put(t, order, "")
	put(t, filepath.Join(dir, "version/version.go"), versionFile(1))
	r.says("this file went while it was built")
	r.serves("/version", "v1")
}
