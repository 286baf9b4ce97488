package watch

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gitPatience is how long an answer of git is waited for.
const gitPatience = 10 * time.Second

// git knows what is ignored. Each path is asked for once, until a file of rules changes.
// All paths are without symbolic links.
type git struct {
	life    context.Context
	command string // "" where there is none
	tops    map[string]*repository
	sought  map[string]bool
	ignored map[question]bool
	before  map[question]bool // the answers until the rules were changed
}

type repository struct {
	top string // the work tree
	dir string // .git, or what stands for it
}

// A question is whether a path is ignored.
type question struct {
	path string
	dir  bool
}

func newGit(life context.Context) *git {
	g := &git{life: life, tops: map[string]*repository{}, sought: map[string]bool{}, ignored: map[question]bool{}}
	g.command, _ = exec.LookPath("git")
	return g
}

// run runs git in a directory. A status other than 0 and 1 is an error.
func (g *git) run(dir, input string, arguments ...string) (output []byte, ok bool) {
	ctx, cancel := context.WithTimeout(g.life, gitPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.command, append([]string{"-C", dir}, arguments...)...)
	cmd.Stdin = strings.NewReader(input)
	for _, setting := range os.Environ() {
		switch name, _, _ := strings.Cut(setting, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", // of a hook that we run in
			"GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS": // refused by check-ignore
		default:
			cmd.Env = append(cmd.Env, setting)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0")
	output, err := cmd.Output()
	if cmd.ProcessState == nil {
		return nil, false
	}
	code := cmd.ProcessState.ExitCode()
	return output, code == 0 || code == 1 && err != nil
}

// discover looks for the repository that the directory lies in.
func (g *git) discover(dir string) {
	if g.command == "" || g.sought[dir] {
		return
	}
	g.sought[dir] = true
	output, ok := g.run(dir, "", "rev-parse", "--show-toplevel", "--absolute-git-dir")
	top, rest, _ := strings.Cut(string(output), "\n")
	gitDir, _, ended := strings.Cut(rest, "\n")
	if !ok || !ended {
		return
	}
	top, gitDir = filepath.FromSlash(top), filepath.FromSlash(gitDir)
	g.tops[top] = &repository{top: top, dir: gitDir}
}

// around returns the repository that a path lies in; nil is none.
func (g *git) around(path string) *repository {
	if len(g.tops) == 0 {
		return nil
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if r := g.tops[dir]; r != nil {
			return r
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// ask finds the answers to all questions that are new.
func (g *git) ask(questions []question) {
	var pending map[*repository][]question
	for _, q := range questions {
		if _, known := g.ignored[q]; known {
			continue
		}
		g.ignored[q] = false
		r := g.around(q.path)
		if r == nil {
			g.ignored[q] = q.dir && ignoredBySense(filepath.Base(q.path))
			continue
		}
		if pending == nil {
			pending = map[*repository][]question{}
		}
		pending[r] = append(pending[r], q)
	}
	for r, questions := range pending {
		g.check(r, questions)
	}
}

// check asks git. For each path it would look through the whole index, because what is in the repository is not
// ignored; so it is asked by the rules alone first, and so only about the few that are ignored by those.
func (g *git) check(r *repository, questions []question) {
	for _, q := range g.matched(r, g.matched(r, questions, "--no-index")) {
		g.ignored[q] = true
	}
}

// matched returns what of the questions git affirms. One path that git refuses, such as one in a submodule that is
// not known to be one, spoils the whole question; then the halves are asked.
func (g *git) matched(r *repository, questions []question, options ...string) []question {
	if len(questions) == 0 {
		return nil
	}
	var input strings.Builder
	back := map[string]question{}
	for _, q := range questions {
		rel, _ := below(q.path, r.top)
		name := "./" + filepath.ToSlash(rel) // what begins with a colon means something else
		if q.dir {
			name += "/" // or git would look, and it may be gone at this moment
		}
		back[name] = q
		input.WriteString(name)
		input.WriteByte(0)
	}
	output, ok := g.run(r.top, input.String(), append([]string{"check-ignore", "-z", "--stdin"}, options...)...)
	if !ok {
		if len(questions) == 1 || g.life.Err() != nil {
			return nil
		}
		half := len(questions) / 2
		return append(g.matched(r, questions[:half], options...), g.matched(r, questions[half:], options...)...)
	}
	var affirmed []question
	for name := range bytes.SplitSeq(output, []byte{0}) {
		if q, ok := back[string(name)]; ok {
			affirmed = append(affirmed, q)
		}
	}
	return affirmed
}

// reconsider forgets all answers, because the rules have changed.
func (g *git) reconsider() {
	g.before = maps.Clone(g.ignored)
	clear(g.ignored)
	clear(g.sought)
}

// wasIgnored reports whether the path, or a directory above it, was ignored until the rules changed.
func (g *git) wasIgnored(path string) bool {
	for dir := false; ; dir = true {
		if g.before[question{path, dir}] {
			return true
		}
		up := filepath.Dir(path)
		if up == path {
			return false
		}
		path = up
	}
}

// busy reports whether git is at work on a repository's files. A lock that is older than the limit has been
// left behind by a git that was killed.
func (g *git) busy(now time.Time, limit time.Duration) bool {
	for _, r := range g.tops {
		info, err := os.Lstat(filepath.Join(r.dir, "index.lock"))
		if err == nil && now.Sub(info.ModTime()) < limit {
			return true
		}
	}
	return false
}
