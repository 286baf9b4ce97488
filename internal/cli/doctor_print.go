package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Widths of the columns before a finding's text.
const (
	levelColumn = 9
	checkColumn = 12
)

// printFinding prints one line; on a terminal that is too narrow it goes on below its text.
func printFinding(out *terminal, f finding) {
	paint := map[level]style{fine: green, warning: yellow, wrong: red, skipped: dim}[f.Level]
	text := f.Text
	if f.Step != "" {
		text = f.Step + ": " + text
	}
	if f.Said != "" {
		text += " It said: " + f.Said
	}
	if f.Advice != "" {
		text += " " + f.Advice
	}
	const indent = levelColumn + checkColumn
	columns := 0
	if out.width > 0 {
		columns = max(out.width-indent, leastWidth)
	}
	before := out.paint(string(f.Level), paint) + strings.Repeat(" ", levelColumn-len(f.Level)) + pad(f.Check, checkColumn)
	for _, line := range wrap(text, columns) {
		fmt.Fprintln(out, before+line)
		before = strings.Repeat(" ", indent)
	}
}

// books are the figures of the incidents that must add up.
type books struct {
	Line       string `json:"line"`
	Captured   int64  `json:"captured"`
	Mailed     int64  `json:"mailed"`
	Grouped    int64  `json:"grouped"`
	Muted      int64  `json:"muted"`
	Waiting    int64  `json:"waiting"`
	GivenUp    int64  `json:"given_up"`
	NotForMail int64  `json:"without_mail"`
}

// writeJSON writes everything that was found as one object.
func (d *doctor) writeJSON(w io.Writer) error {
	return writeJSON(w, struct {
		OK       bool      `json:"ok"`
		Wrong    int       `json:"wrong"`
		Warnings int       `json:"warnings"`
		Time     time.Time `json:"time"`
		Findings []finding `json:"findings"`
		Books    *books    `json:"books"` // null where they cannot be read
	}{d.count(wrong) == 0, d.count(wrong), d.count(warning), d.now().UTC(), d.findings, d.books})
}
