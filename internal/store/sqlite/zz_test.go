package sqlite_test
import ("testing";"context";"path/filepath";"strings"
"example.org/microblog/internal/store"
"example.org/microblog/fault/trace"
"example.org/microblog/internal/store/sqlite"
"example.org/microblog/internal/store/storetest")
func BenchmarkVariants(b *testing.B){
 ctx:=context.Background()
 p:=filepath.Join(b.TempDir(),"x.db")
 s,err:=sqlite.Open(ctx,p,sqlite.Options{}); if err!=nil{b.Fatal(err)}
 defer s.Close()
 s.Migrate(ctx)
 storetest.Fill(ctx,s,1000,100000)
 tc:=trace.Begin(ctx); s.Home(tc,1,store.Page{}); st,_:=trace.Steps(tc)
 base:=st[len(st)-1].Text
 v:=map[string]string{"base":base,
 "limit1":strings.Replace(base,"(SELECT max(p.id) FROM posts p WHERE p.author_id = a.id AND p.id < $1)","(SELECT p.id FROM posts p WHERE p.author_id = a.id AND p.id < $1 ORDER BY p.id DESC LIMIT 1)",1),
 "nomat":strings.Replace(base,"AS MATERIALIZED","AS",-1),
 "nolatestmat":strings.Replace(base,"WITH latest AS MATERIALIZED","WITH latest AS",1),
 "join": strings.Replace(base, `SELECT a.id, (SELECT max(p.id) FROM posts p WHERE p.author_id = a.id AND p.id < $1) AS post
			FROM (SELECT followed_id AS id FROM follows WHERE follower_id = $3 UNION ALL SELECT $3) a`, `SELECT f.followed_id AS id, (SELECT max(p.id) FROM posts p WHERE p.author_id = f.followed_id AND p.id < $1) AS post
			FROM follows f WHERE f.follower_id=$3 UNION ALL SELECT $3, (SELECT max(p.id) FROM posts p WHERE p.author_id = $3 AND p.id < $1)`,1),
 "only200": `SELECT count((SELECT max(p.id) FROM posts p WHERE p.author_id = f.followed_id AND p.id < $1)), $2 FROM follows f WHERE f.follower_id=$3`,
 }
 for n,q:=range v { b.Run(n,func(b *testing.B){
  if n!="base" && q==base {b.Fatal("same")}
  stt,err:=s.Writer().Prepare(q); if err!=nil{b.Fatal(err)}
  for b.Loop(){ rows,err:=stt.Query(int64(1)<<62,21,1); if err!=nil{b.Fatal(err)}; for rows.Next(){}; rows.Close() }
 })}
}
