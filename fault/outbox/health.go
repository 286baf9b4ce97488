package outbox

import "time"

// serverFailed notes that the server cannot be used. All mails wait then.
func (c *courier) serverFailed(t *trouble) {
	_, s := c.index.get()
	if s.Failed == 0 {
		s.Since = c.now()
	}
	s.Failed++
	s.Tries++
	s.Error = t.Error()
	s.Next = c.now().Add(c.opts.Retry.after(s.Failed, serverRetry))
	c.saveServer(s)
	c.news.serverFails(c.logger, c.now(), &c.server, t, s)
}

// serverWorks notes that it can be used.
func (c *courier) serverWorks() {
	_, s := c.index.get()
	if s.Failed > 0 {
		c.saveServer(serverState{Server: s.Server, Tries: s.Tries})
		c.news.serverWorks(c.logger, c.now(), &c.server, s)
	}
}

// saveServer writes it down for others to know. That need not be durable.
func (c *courier) saveServer(s serverState) {
	content, err := encodeJSON(kindServer, s)
	if err == nil {
		_, err = c.store.write("", serverFile, content, false, false)
	}
	c.index.mu.Lock()
	c.index.server, c.index.unsaved = s, err != nil
	c.index.mu.Unlock()
	if err != nil {
		c.disk(err)
	}
}

// begin forgets how long to leave the server alone: something may have been mended.
func (c *courier) begin() {
	if c.scan() != nil {
		return // pass will tell
	}
	if _, s := c.index.get(); !s.Next.IsZero() {
		s.Next = time.Time{}
		c.saveServer(s)
	}
}
