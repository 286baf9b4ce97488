package web

import (
	"errors"
	"net/http"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/internal/store"
)

// retryReady is how long a probe should wait before it asks again.
const retryReady = 5 * time.Second

// healthz is GET /healthz: the process is alive and answers. It looks at nothing else, because
// a restart, which is what a failing answer brings about, mends nothing else.
func healthz(w http.ResponseWriter, _ *http.Request) error {
	noStore(w)
	return text(w, "ok\n")
}

// readyz is GET /readyz: the database answers and has the schema that this program needs. That it
// does not is an answer, not a failure to record; the probe asks every few seconds.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	noStore(w)
	err := s.store.Ready(r.Context())
	if err == nil {
		return text(w, "ready\n")
	}
	missing := "Not ready: the database does not answer."
	if schema := (*store.SchemaError)(nil); errors.As(err, &schema) {
		missing = "Not ready: " + schema.Error() + "."
	}
	answer := fault.Unavailable(missing, retryReady)
	answer.Err, answer.Expected = err, true
	return answer
}
