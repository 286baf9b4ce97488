package cli

import (
	"context"
	"fmt"
	"time"

	"example.org/microblog/fault"
)

const (
	// slack is how far apart the clocks of two machines, or of a file system and its machine, may be
	// without a word.
	slack = 5 * time.Second
	// badSkew is the difference from which on sessions and limits end at the wrong time.
	badSkew = 5 * time.Minute
)

// A newestTime remembers the latest of the times that were met, and where.
type newestTime struct {
	at    time.Time
	where string
}

func (n *newestTime) see(at time.Time, where string) {
	if at.After(n.at) {
		n.at, n.where = at, where
	}
}

// clock compares this machine's time with all others that are known.
func (d *doctor) clock(context.Context) {
	now := d.now()
	shown := now.Format("2006-01-02 15:04:05 -0700")
	if name, _ := now.Zone(); name != "" && name[0] != '+' && name[0] != '-' {
		shown += " (" + name + ")"
	}
	const remedy = "Let the machine set its clock over the network (timedatectl set-ntp true, or chrony)."
	build := fault.ReadBuild()
	good := true
	tell := func(as level, text string) {
		d.add(as, text, remedy)
		good = false
	}
	if !build.Time.IsZero() && now.Before(build.Time.Add(-24*time.Hour)) {
		tell(wrong, fmt.Sprintf("It is %s by the clock, but this program was made of a source of %s.", shown, build.Time.UTC().Format(time.DateOnly)))
	}
	if ahead := d.newest.at.Sub(now); ahead > slack {
		tell(warning, fmt.Sprintf("It is %s by the clock, but %s is of %s later: the clock has gone back, or was wrong then.", shown, d.newest.where, ahead.Round(time.Second)))
	}
	if d.database.clocked {
		switch skew := d.database.ahead.Abs(); {
		case skew > badSkew:
			tell(wrong, fmt.Sprintf("The clock of the database server and that of this machine are %s apart.", skew.Round(time.Second)))
		case skew > slack:
			tell(warning, fmt.Sprintf("The clock of the database server and that of this machine are %s apart.", skew.Round(time.Second)))
		}
	}
	if d.wentBack() {
		tell(warning, "The clock was set back while this ran.")
	}
	if !good {
		return
	}
	text := "It is " + shown
	if d.newest.where != "" {
		text += ", later than everything that was written so far"
	}
	if d.database.clocked {
		text += fmt.Sprintf("; the database's clock is %s apart", d.database.ahead.Abs().Round(time.Millisecond))
	}
	d.okf("%s. Times in the log are local, those that are kept are UTC.", text)
}

// wentBack compares the clock on the wall with the monotonic one since this command began.
func (d *doctor) wentBack() bool {
	now := d.now()
	return now.Round(0).Sub(d.began.Round(0)) < now.Sub(d.began)-time.Second
}
