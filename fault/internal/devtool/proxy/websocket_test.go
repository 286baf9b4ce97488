package proxy_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"example.org/microblog/fault/internal/devtool/proxy"
)

func TestWebSocket(t *testing.T) {
	t.Parallel()
	closed := make(chan websocket.StatusCode, 1)
	f := start(t, proxy.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			http.Error(w, "not you", http.StatusForbidden)
			return
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}, CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(10 << 20)
		for {
			kind, message, err := c.Read(context.Background())
			if err != nil {
				closed <- websocket.CloseStatus(err)
				return
			}
			if err := c.Write(context.Background(), kind, message); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, res, err := websocket.Dial(ctx, f.http.URL+"/chat", &websocket.DialOptions{
		Subprotocols: []string{"chat"}, CompressionMode: websocket.CompressionContextTakeover,
		HTTPHeader: http.Header{"Origin": {f.http.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols || c.Subprotocol() != "chat" || res.Header.Get("Sec-Websocket-Extensions") == "" {
		t.Errorf("%v", res)
	}
	c.SetReadLimit(10 << 20)
	for _, message := range [][]byte{[]byte("hello"), {}, bytes.Repeat([]byte("long "), 1<<20)} {
		if err := c.Write(ctx, websocket.MessageBinary, message); err != nil {
			t.Fatal(err)
		}
		kind, got, err := c.Read(ctx)
		if err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, message) {
			t.Fatalf("%d bytes came back as %d of %v: %v", len(message), len(got), kind, err)
		}
	}
	pinged := c.CloseRead(ctx)
	if err := c.Ping(ctx); err != nil {
		t.Error("ping:", err)
	}
	if err := c.Close(4242, "bye"); err != nil {
		t.Error(err)
	}
	<-pinged.Done()
	select {
	case status := <-closed:
		if status != 4242 {
			t.Errorf("the application sees the close status %d", status)
		}
	case <-time.After(patience):
		t.Fatal("the application does not see the end")
	}
	_, res, err = websocket.Dial(ctx, f.http.URL+"/refused", nil)
	if err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("%v %v", res, err)
	}
	// a client that goes without a word
	c, _, err = websocket.Dial(ctx, f.http.URL+"/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("the application does not see that the client is gone")
	}
	eventually(t, "nothing runs", func() bool { return f.app.Running() == 0 })
}
