package logfile

import (
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestPosition(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, module, function, file, want string }{
		{"of the module", "example.org/m", "example.org/m/internal/app.Run", "/home/x/m/internal/app/app.go", "internal/app/app.go:43"},
		{"with -trimpath", "example.org/m", "example.org/m/internal/app.Run", "example.org/m/internal/app/app.go", "internal/app/app.go:43"},
		{"on Windows", "example.org/m", "example.org/m/internal/app.Run", `C:\m\internal\app\app.go`, "internal/app/app.go:43"},
		{"method and closure", "example.org/m", "example.org/m/internal/app.(*App).Run.func1.2", "/m/internal/app/app.go", "internal/app/app.go:43"},
		{"closure inlined elsewhere", "example.org/m", "example.org/m/internal/cli.(*Serve).Run.(*App).Close.func2", "/m/internal/app/app.go", "internal/app/app.go:43"},
		{"the same with -trimpath", "example.org/m", "example.org/m/internal/cli.(*Serve).Run.(*App).Close.func2", "example.org/m/fault/log/log.go", "fault/log/log.go:43"},
		{"the same, far apart", "example.org/m", "example.org/m/cmd/m/run.F.func2", "/m/fault/log/log.go", "log/log.go:43"},
		{"type arguments", "example.org/m", "example.org/m/internal/app.Map[go.shape.struct { example.org/x/y.Z int }].Get", "/m/internal/app/map.go", "internal/app/map.go:43"},
		{"receiver with type arguments", "example.org/m", "example.org/m/internal/app.(*Map[...]).Get", "/m/internal/app/map.go", "internal/app/map.go:43"},
		{"root package", "example.org/m", "example.org/m.Run", "/m/m.go", "m.go:43"},
		{"package main", "example.org/m", "main.main", "/m/cmd/m/main.go", "cmd/m/main.go:43"},
		{"nested module", "example.org/m", "example.org/m/fault.New", "/m/fault/fault.go", "fault/fault.go:43"},
		{"module of a similar name", "example.org/m", "example.org/mm/x.F", "/mm/x/x.go", "example.org/mm/x/x.go:43"},
		{"standard library", "example.org/m", "net/http.HandlerFunc.ServeHTTP", "/usr/go/src/net/http/server.go", "net/http/server.go:43"},
		{"another module", "example.org/m", "github.com/a/b/v2.F", "/root/go/pkg/mod/github.com/a/b/v2@v2.1.0/b.go", "github.com/a/b/v2/b.go:43"},
		{"dot in the last element", "example.org/m", "gopkg.in/yaml%2ev3.F", "/x/yaml.go", "gopkg.in/yaml.v3/yaml.go:43"},
		{"external test", "example.org/m", "example.org/m/internal/app_test.TestRun", "/m/internal/app/app_test.go", "internal/app/app_test.go:43"},
		{"unknown module", "", "example.org/m/x.F", "/m/x/x.go", "example.org/m/x/x.go:43"},
		{"unknown function", "example.org/m", "", "/m/x.go", "x.go:43"},
		{"unknown all", "example.org/m", "", "", "unknown:43"},
		{"hostile name", "example.org/m", "example.org/m/x.F", "/m/x/a]\n.go", `"x/a]\n.go:43"`},
	}
	for _, tt := range tests {
		s := &sources{module: tt.module, main: "example.org/m/cmd/m"}
		if got := s.position(tt.function, tt.file, 43); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

type generic[T any] struct{}

func (generic[T]) pc() uintptr {
	var pcs [1]uintptr
	runtime.Callers(1, pcs[:])
	return pcs[0]
}

func TestSourcesOfRealCode(t *testing.T) {
	t.Parallel()
	s := newSources("example.org/microblog/fault")
	server := reflect.ValueOf(http.NotFound).Pointer() + 1
	for range 2 { // the second time from the cache
		if got := s.at(generic[map[string]http.Handler]{}.pc()); !strings.HasPrefix(got, "logfile/source_internal_test.go:") {
			t.Errorf("generic method: %s", got)
		}
		if got := func() string { return s.at(generic[int]{}.pc()) }(); !strings.HasPrefix(got, "logfile/source_internal_test.go:") {
			t.Errorf("in a closure: %s", got)
		}
		if got := s.at(server); !strings.HasPrefix(got, "net/http/server.go:") {
			t.Errorf("standard library: %s", got)
		}
		if got := s.at(0); got != "" {
			t.Errorf("no counter: %s", got)
		}
	}
}

func TestSourceCacheIsBounded(t *testing.T) {
	t.Parallel()
	s := newSources("")
	start := reflect.ValueOf(http.NotFound).Pointer()
	for i := range uintptr(2 * maxSources) {
		if got := s.at(start + i); got == "" {
			t.Fatal("no position")
		}
	}
	if n := len(s.short); n != maxSources {
		t.Errorf("%d entries, want %d", n, maxSources)
	}
}
