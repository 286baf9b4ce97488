package web

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

func benchmarkRender(b *testing.B, page any) {
	p, err := NewPages(PagesOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		if err := p.Render(&buf, page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(buf.Len()), "B/page")
}

func BenchmarkRenderLogin(b *testing.B) {
	benchmarkRender(b, &LoginPage{Layout: Layout{Title: "Log in", Path: "/login"}})
}

func BenchmarkRenderProfile(b *testing.B) {
	benchmarkRender(b, tenPostProfile())
}

func BenchmarkRenderHome(b *testing.B) {
	p := tenPostProfile()
	benchmarkRender(b, &HomePage{Layout: p.Layout, Posts: p.Posts, Following: 200, Form: PostForm{Once: "0123456789abcdef"}})
}

func tenPostProfile() *ProfilePage {
	now := time.Now()
	page := &ProfilePage{
		Layout: Layout{Title: "susan", Path: "/user/susan", Viewer: &Viewer{ID: 2, Username: "john"}},
		Person: Person{ID: 1, Username: "susan", AboutMe: "I take photographs of trains that no longer run."}, JoinedAt: now.AddDate(-1, 0, 0), LastSeen: now.Add(-time.Minute),
		PostCount: 1204, Followers: 17, Following: 200,
		Pager: Pager{Older: "/user/susan?before=110"},
	}
	for i := range 10 {
		page.Posts = append(page.Posts, PostItem{ID: int64(1000 - i), Author: page.Person, CreatedAt: now.Add(-time.Duration(i*i) * time.Hour),
			Body: fmt.Sprintf("Post %d of a day: it's a page with a link, https://example.org/a?b=c&d=%d, and some more text.", i, i)})
	}
	return page
}
