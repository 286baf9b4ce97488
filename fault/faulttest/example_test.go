package faulttest_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/faulttest"
)

func Example() {
	_ = func(t *testing.T) { // a test of the application
		var recorder faulttest.Recorder
		catcher := fault.New(fault.Options{Recorder: &recorder, Logger: slog.New(slog.DiscardHandler)})
		handler := catcher.Handle(func(http.ResponseWriter, *http.Request) error { return errors.New("the shelf is empty") })

		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/shelf", nil))

		f := recorder.Of(t, answer.Header())
		faulttest.Check(t, f, faulttest.Want{Status: 500, Kind: fault.KindError, Message: "the shelf is empty"})
	}
}
