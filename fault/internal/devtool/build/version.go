package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// noticeVersion uses the hook of another version of Go, or none, if the files of modules ask for one now: that a list tells of
// it, too, would be after the next build.
func (b *Builder) noticeVersion(ctx context.Context) error {
	asked := b.versionAsked()
	b.mu.Lock()
	dir, same := b.hookDir, slices.Equal(asked, b.asked)
	b.mu.Unlock()
	if same || dir == "" {
		return nil
	}
	r, err := b.command.run(ctx, "env", "GOROOT")
	if err != nil {
		return fmt.Errorf("asking which version of Go builds %s: %w", b.name(), err)
	}
	root := strings.TrimSpace(string(r.stdout))
	if r.code != 0 || root == "" {
		return nil // The build says what is wrong with them.
	}
	b.mu.Lock()
	b.asked = asked
	changed := root != b.known.goRoot
	if changed {
		b.known.goRoot, b.hook = root, hook{}
		b.known.dirs["runtime"] = filepath.Join(root, "src", "runtime") // A list that fails tells nothing newer.
	}
	b.mu.Unlock()
	if changed {
		_, _ = b.UseHook(dir) // Who uses Hooked asks for it again, and is told why there is none.
	}
	return nil
}

// versionAsked are the lines by which the files of modules ask for a version of Go.
func (b *Builder) versionAsked() (lines []string) {
	b.mu.Lock()
	files := slices.Clone(b.known.inputs.ModFiles)
	b.mu.Unlock()
	for _, file := range files {
		if !strings.HasSuffix(file, ".mod") && !strings.HasSuffix(file, ".work") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			continue // It may be one that could come into being.
		}
		for line := range bytes.Lines(text) {
			line, _, _ = bytes.Cut(line, []byte("//"))
			if words := strings.Fields(string(line)); len(words) == 2 && (words[0] == "go" || words[0] == "toolchain") {
				lines = append(lines, file+": "+strings.Join(words, " "))
			}
		}
	}
	return lines
}
