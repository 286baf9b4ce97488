package crash_test

import (
	"context"
	"log"
	"path/filepath"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
)

func ExampleWatch() {
	var journal fault.Recorder // in a program, what its Catcher uses

	watcher, err := crash.Watch(context.Background(), crash.Options{
		Dir:      filepath.Join("data", "run"),
		Recorder: journal,
	})
	if err != nil {
		log.Printf("Should this process crash, nobody will learn why: %v", err)
	}

	// … serve until told to stop …

	if err := watcher.Close(); err != nil {
		log.Print(err)
	}
}
