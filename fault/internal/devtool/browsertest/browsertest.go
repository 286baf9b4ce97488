// Package browsertest gives tests a real browser.
package browsertest

import (
	"os"
	"os/exec"
	"testing"
)

// Chromium returns the path of the browser, or skips the test: the program that CHROMIUM names, else one of PATH.
func Chromium(t testing.TB) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if name := os.Getenv("CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("NOT TESTED IN A BROWSER: Chromium is neither where CHROMIUM says nor in PATH.")
	return ""
}

// Flags are what the browser is started with: no window, nothing of its own accord, and the profile in that directory.
func Flags(profile string) []string {
	return []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + profile}
}

// Document opens url in the browser and returns the document as it is once everything is loaded.
func Document(t testing.TB, browser, url string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), browser, append(Flags(t.TempDir()), "--timeout=60000", "--dump-dom", url)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
