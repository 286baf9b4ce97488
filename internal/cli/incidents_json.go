package cli

import (
	"io"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
)

// writeJSON writes the dossier as one object, for programs.
func (p *dossier) writeJSON(w io.Writer) error {
	type notice struct {
		Key       string               `json:"key"`
		Kind      incident.NoticeKind  `json:"kind"`
		State     incident.NoticeState `json:"state"`
		At        time.Time            `json:"at"`
		SettledAt time.Time            `json:"settled_at,omitzero"`
		Covers    int64                `json:"covers"`
	}
	type history struct {
		From        time.Time `json:"from"`
		StepSeconds int64     `json:"step_seconds"`
		Counts      []int64   `json:"counts"`
	}
	answer := struct {
		Incident incident.Incident `json:"incident"`
		Link     string            `json:"link,omitempty"`
		Quoted   *fault.ID         `json:"quoted,omitempty"` // the failure that was asked for
		Failure  *fault.Failure    `json:"failure"`          // that one, else the newest that is kept; null: none
		Samples  []*fault.Failure  `json:"samples"`
		Routes   []incident.Tally  `json:"routes"`
		Users    []incident.Tally  `json:"users"`
		Notices  []notice          `json:"notices"`
		History  history           `json:"history"`
	}{
		Incident: p.incident, Link: p.link, Failure: p.shown,
		Samples: append([]*fault.Failure{}, p.samples...),
		Routes:  append([]incident.Tally{}, p.routes...),
		Users:   append([]incident.Tally{}, p.users...),
		Notices: []notice{},
		History: history{p.from.UTC(), int64(historyStep / time.Second), append([]int64{}, p.history...)},
	}
	if p.quoted != nil {
		answer.Quoted = &p.quoted.ID
	}
	for _, n := range p.notices {
		answer.Notices = append(answer.Notices, notice{n.Key, n.Kind, n.State, n.At, n.SettledAt, n.Covers})
	}
	return writeJSON(w, answer)
}
