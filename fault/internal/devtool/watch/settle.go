package watch

import "time"

// many is from how many files on a change is taken as one of many, which is waited for until it is quiet.
const many = 4

// lockPause is the time between two looks at git's lock.
const lockPause = 15 * time.Millisecond

// loop follows notifications, and waits for files to settle.
func (w *Watcher) loop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-w.queue.wake:
		case <-timer.C:
		case <-w.life.Done():
			return
		}
		w.mu.Lock()
		w.take()
		now := time.Now()
		next := w.settle(now)
		if at := w.poll(now); at.Before(next) {
			next = at
		}
		w.mu.Unlock()
		w.tellNotices()
		timer.Reset(max(time.Until(next), 0))
	}
}

// touch takes note that a file may have changed.
func (w *Watcher) touch(f *file, at time.Time) {
	f.touched, f.read = at, false
	if len(w.dirty) == 0 || w.due && !w.overdue {
		w.begun = at
	}
	w.dirty[f] = true
	w.lastTouch = at
	if !w.overdue {
		w.setDue(false)
	}
}

func (w *Watcher) setDue(due bool) {
	if due == w.due {
		return
	}
	w.due = due
	if due {
		close(w.dueNow)
	} else {
		w.dueNow = make(chan struct{})
	}
}

// settle reads what may have changed and decides whether it may be told. It returns when to look again.
func (w *Watcher) settle(now time.Time) (next time.Time) {
	never := now.Add(time.Hour)
	limit := w.begun.Add(w.timing.Longest)
	unread := never // when the first of the files can be read that are not
	differing := 0
	ready := time.Time{}
	for f := range w.dirty {
		if !f.read {
			if at := f.touched.Add(w.timing.Quick); now.Before(at) && now.Before(limit) {
				unread = earlier(unread, at)
				continue
			}
			w.load(f)
			f.judge()
		}
		if f.current == f.reported && !f.doubted {
			delete(w.dirty, f)
			w.forgetAbsent(f)
			continue
		}
		differing++
		wait := w.timing.Settle
		if f.whole {
			wait = w.timing.Quick
		}
		ready = later(ready, f.touched.Add(wait))
	}
	if differing == 0 {
		w.overdue = false
		w.setDue(false)
		return unread
	}
	if differing >= many {
		ready = later(ready, w.lastTouch.Add(w.timing.Quiet))
	}
	if now.Before(w.begun.Add(w.timing.Lock)) && w.git.busy(now, w.timing.Lock) {
		w.lockSeen = now
		w.setDue(false)
		return earlier(now.Add(lockPause), unread)
	}
	ready = later(ready, w.lockSeen.Add(w.timing.Settle))
	if now.Before(limit) || w.lockSeen.After(w.begun) && now.Before(w.lockSeen.Add(w.timing.Longest)) {
		if unread != never {
			w.setDue(false)
			return earlier(unread, limit)
		}
		if now.Before(ready) {
			w.setDue(false)
			return ready
		}
	}
	w.overdue = !now.Before(limit)
	w.setDue(true)
	return unread
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
