package debugger_test

import (
	"testing"

	"example.org/microblog/fault/internal/devtool/debugger"
)

func BenchmarkAttach(b *testing.B) {
	dlv, pid := delve(b), start(b)
	for b.Loop() {
		s, err := debugger.Attach(b.Context(), debugger.Options{Delve: dlv, PID: pid, Marker: marker})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// All variables of all frames: 22 frames with 120 variables.
func BenchmarkVariables(b *testing.B) {
	s := attach(b, debugger.Options{})
	for b.Loop() {
		frames, err := s.Frames(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range frames {
			if _, err := s.Variables(b.Context(), f.Index); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func benchmarkEvaluate(b *testing.B, function, expression string, call bool) {
	s := attach(b, debugger.Options{})
	frame := frameOf(b, s, function)
	for b.Loop() {
		if _, err := s.Evaluate(b.Context(), frame, expression, call); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExpression(b *testing.B) {
	benchmarkEvaluate(b, "main.structs", "nested.Value[0].Value.Label", false)
}

func BenchmarkArithmetic(b *testing.B) {
	benchmarkEvaluate(b, "main.scalars", "u8*2 + u8", false)
}

func BenchmarkPackageVariable(b *testing.B) {
	benchmarkEvaluate(b, "main.shadows", "shapes.Limit", false)
}

func BenchmarkCall(b *testing.B) {
	benchmarkEvaluate(b, "main.shadows", "shapes.Greet(text)", true)
}

func BenchmarkComplete(b *testing.B) {
	s := attach(b, debugger.Options{})
	frame := frameOf(b, s, "main.last")
	for b.Loop() {
		if _, err := s.Complete(b.Context(), frame, "d.receiver.Si", 13); err != nil {
			b.Fatal(err)
		}
	}
}
