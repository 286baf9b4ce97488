package trace_test

import (
	"context"
	"errors"
	"fmt"

	"example.org/microblog/fault/trace"
)

func ExampleWrap() {
	query := func() error { return errors.New("no such table: users") }
	err := trace.Wrap(query(), "loading the profile")
	fmt.Println(err)
	fmt.Println(trace.StackOf(err)[0].Name())
	// Output:
	// loading the profile: no such table: users
	// trace_test.ExampleWrap
}

func ExampleNote() {
	ctx := trace.Begin(context.Background()) // the Catcher does this for each request
	trace.Note(ctx, trace.Step{Kind: "sql", Text: "SELECT 1"})
	steps, _ := trace.Steps(ctx)
	fmt.Println(len(steps), steps[0].Kind, steps[0].Text)
	// Output: 1 sql SELECT 1
}
