// Command deadlock waits for what never comes, and has the runtime write its last words to the file that it is given.
package main

import (
	"os"
	"runtime/debug"
	"sync"
)

func main() {
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		panic(err)
	}
	var mu sync.Mutex
	mu.Lock()
	mu.Lock()
}
