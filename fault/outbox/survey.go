package outbox

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
)

// stamp tells whether a file was replaced.
type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.ModTime(), info.Size()} }

// item is a waiting mail as far as it is kept in memory.
type item struct {
	name     string
	envelope envelope
	mail     stamp
	attempts attempts
	state    stamp
	settled  bool // it has an outcome already and is about to be removed
}

// survey is what is in the directory.
type survey struct {
	items   map[string]*item
	settled map[string]bool // the files of outcomes that were not forgotten
	bytes   int64           // of the mails
	aside   int

	delivered, givenUp int

	foreign []string // files in waiting that are damaged or none of ours
	orphans []string // states without a mail
}

// survey reads the directory. What did not change since before, which may be nil, is not read again.
// It changes nothing.
func (s store) survey(before *survey) (*survey, error) {
	now := &survey{items: map[string]*item{}, settled: map[string]bool{}}
	entries, err := s.names(dirWaiting)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	states := map[string]fs.DirEntry{}
	for _, entry := range entries {
		name, isMail := strings.CutSuffix(entry.Name(), mailSuffix)
		if isMail {
			if err := s.surveyMail(now, before, name, entry); err != nil {
				return nil, err
			}
		} else if name, isState := strings.CutSuffix(entry.Name(), stateSuffix); isState {
			states[name] = entry
		} else {
			now.foreign = append(now.foreign, entry.Name())
		}
	}
	for name, entry := range states {
		if err := s.surveyState(now, before, name, entry); err != nil {
			return nil, err
		}
	}
	// The outcomes are read after the mails, so that no mail on its way is missed.
	outcomes := map[string]bool{} // names of mails
	for _, dir := range []string{dirSettled, dirKept} {
		entries, err := s.names(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range entries {
			name, delivered := strings.CutSuffix(entry.Name(), deliveredSuffix)
			givenUp := false
			if !delivered {
				if name, givenUp = strings.CutSuffix(entry.Name(), givenUpSuffix); !givenUp {
					continue
				}
			}
			if outcomes[name] {
				continue
			}
			outcomes[name] = true
			if delivered {
				now.delivered++
			} else {
				now.givenUp++
			}
			if dir == dirSettled {
				now.settled[entry.Name()] = true
			}
		}
	}
	for name, it := range now.items {
		it.settled = outcomes[name]
	}
	if aside, err := s.names(dirAside); err == nil {
		now.aside = len(aside)
	}
	return now, nil
}

func (s store) surveyMail(now, before *survey, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // delivered meanwhile
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		now.foreign = append(now.foreign, entry.Name())
		return nil
	}
	it := &item{name: name, mail: stampOf(info)}
	if known := before.item(name); known != nil && known.mail == it.mail {
		it.envelope = known.envelope
	} else {
		file, err := os.ReadFile(s.path(dirWaiting, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if it.envelope, _, err = decodeMail(name, file); err != nil {
			now.foreign = append(now.foreign, entry.Name())
			return nil
		}
	}
	now.items[name] = it
	now.bytes += info.Size()
	return nil
}

func (s store) surveyState(now, before *survey, name string, entry fs.DirEntry) error {
	it := now.items[name]
	if it == nil {
		now.orphans = append(now.orphans, entry.Name())
		return nil
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	it.state = stampOf(info)
	if known := before.item(name); known != nil && known.state == it.state {
		it.attempts = known.attempts
		return nil
	}
	it.attempts, err = s.readState(name, len(it.envelope.To))
	if errors.Is(err, errDamaged) {
		now.foreign = append(now.foreign, entry.Name())
		it.state = stamp{} // is to be found damaged again
		return nil
	}
	return err
}

// readState reads what the attempts to send a mail to so many recipients came to.
func (s store) readState(name string, recipients int) (attempts, error) {
	var a attempts
	file, err := os.ReadFile(s.path(dirWaiting, name+stateSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	if err := decodeJSON(kindState, file, &a); err != nil {
		return attempts{}, err
	}
	if len(a.To) != recipients && len(a.To) != 0 {
		return attempts{}, errDamaged
	}
	return a, nil
}

func (s *survey) item(name string) *item {
	if s == nil {
		return nil
	}
	return s.items[name]
}

// readServer reads how the mail server is doing. What cannot be read is not known.
func (s store) readServer() serverState {
	var state serverState
	file, err := os.ReadFile(s.path(serverFile))
	if err != nil || decodeJSON(kindServer, file, &state) != nil {
		return serverState{}
	}
	return state
}

// readOutcome reads a file of settled or kept.
func (s store) readOutcome(dir, file string) (outcome, error) {
	var o outcome
	content, err := os.ReadFile(s.path(dir, file))
	if err != nil {
		return o, err
	}
	return o, decodeJSON(kindOutcome, content, &o)
}
