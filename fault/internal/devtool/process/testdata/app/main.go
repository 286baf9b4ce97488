// Command app is an application that behaves, or does not, as its first argument says.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"example.org/app/internal/store"
)

func main() {
	mode := os.Args[1]
	if run, ok := modes[mode]; ok {
		run()
		return
	}
	panic("there is no mode " + mode)
}

var modes = map[string]func(){
	"serve": func() { serve(http.NewServeMux()) },
	"late": func() {
		time.Sleep(300 * time.Millisecond)
		serve(http.NewServeMux())
	},
	"becomes ready": func() {
		var asked atomic.Int32
		serve(readyz(func() int {
			if asked.Add(1) <= 5 {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		}))
	},
	"never ready": func() { serve(readyz(func() int { return http.StatusServiceUnavailable })) },
	"redirects":   func() { serve(readyz(func() int { return http.StatusFound })) },
	"forbids":     func() { serve(readyz(func() int { return http.StatusForbidden })) },
	"fails once": func() {
		var asked atomic.Int32
		serve(readyz(func() int {
			if asked.Add(1) == 1 {
				return http.StatusInternalServerError
			}
			return http.StatusNoContent
		}))
	},
	"readyz fails": func() { serve(readyz(func() int { return http.StatusInternalServerError })) },
	"all fails": func() {
		serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "template", 500) }))
	},
	"host": func() {
		serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Println("asked for", r.Host+r.URL.Path)
			if r.Host != "app.example:5000" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
	},
	"elsewhere": func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("elsewhere", l.Addr())
		log.Fatal(http.Serve(l, nil))
	},
	"all addresses": func() {
		log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
	},
	"child listens": func() {
		child := exec.Command(os.Args[0], "serve")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		log.Fatal(child.Run())
	},
	"never listens": func() {
		fmt.Println("waiting")
		forever()
	},
	"TLS": func() {
		log.Fatal(http.ListenAndServeTLS(os.Getenv("LISTEN"), os.Args[2], os.Args[3], nil))
	},
	"silent listener": func() {
		l, err := net.Listen("tcp", os.Getenv("LISTEN"))
		if err != nil {
			log.Fatal(err)
		}
		defer l.Close()
		forever()
	},
	"no HTTP": func() {
		l, err := net.Listen("tcp", os.Getenv("LISTEN"))
		if err != nil {
			log.Fatal(err)
		}
		for {
			c, err := l.Accept()
			if err != nil {
				log.Fatal(err)
			}
			fmt.Fprint(c, "220 mail.example ESMTP\r\n")
			c.Close()
		}
	},
	"panic": func() { store.Open(nil) },
	"goroutine": func() {
		http.HandleFunc("/die", func(http.ResponseWriter, *http.Request) {
			go store.Open(nil)
		})
		serve(http.DefaultServeMux)
	},
	"complains": func() {
		http.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
		http.HandleFunc("/fatal", func(http.ResponseWriter, *http.Request) {
			log.SetFlags(log.LstdFlags | log.Lshortfile)
			log.Fatal("the queue is lost: unable to go on")
		})
		fmt.Println("main.go:20: ERROR GET /boom failed")
		serve(http.DefaultServeMux)
	},
	"fatal": func() {
		log.Print("starting")
		log.Fatal("DATABASE_URL must be set")
	},
	"fatal line": func() {
		log.SetFlags(log.LstdFlags | log.Lshortfile)
		log.Fatal("no settings")
	},
	"fatal, then words": func() {
		fmt.Println("level=INFO msg=starting")
		fmt.Println("level=ERROR msg=\"dial tcp 127.0.0.1:5432: connect: connection refused\"")
		fmt.Println("level=INFO msg=\"good bye\"")
		os.Exit(3)
	},
	"exit 0":   func() {},
	"deadlock": func() { select {} },
	"maps": func() {
		m := map[int]int{}
		for range 8 {
			go func() {
				for {
					m[1] = 1
				}
			}()
		}
		forever()
	},
	"many stacks": func() {
		for range 2000 {
			go forever()
		}
		time.Sleep(100 * time.Millisecond)
		m := map[int]int{}
		for range 8 {
			go func() {
				for {
					m[1] = 1
				}
			}()
		}
		forever()
	},
	"patterns": func() {
		mux := http.NewServeMux()
		mux.HandleFunc("/a/{x}", http.NotFound)
		mux.HandleFunc("/{y}/b", http.NotFound)
	},
	"template": func() {
		template.Must(template.ParseFiles("templates/broken.html"))
	},
	"template field": func() {
		t := template.Must(template.ParseFiles("templates/page.html"))
		var page bytes.Buffer
		if err := t.Execute(&page, struct{ Title string }{"x"}); err != nil {
			log.Fatal(fmt.Errorf("rendering: %w", err))
		}
	},
	"ignore": func() {
		signal.Ignore(syscall.SIGTERM, os.Interrupt)
		fmt.Println("ignoring")
		serve(http.NewServeMux())
	},
	"graceful": func() {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		go serve(http.NewServeMux())
		fmt.Println("told by", <-told)
	},
	"fork": func() {
		child := exec.Command(os.Args[0], "ignore")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		apart(child, false)
		if err := child.Start(); err != nil {
			log.Fatal(err)
		}
		grouped := exec.Command(os.Args[0], "ignore")
		grouped.Stdout, grouped.Stderr = os.Stdout, os.Stderr
		apart(grouped, true)
		if err := grouped.Start(); err != nil {
			log.Fatal(err)
		}
		fmt.Println("children", child.Process.Pid, grouped.Process.Pid)
		if len(os.Args) > 2 {
			return
		}
		forever()
	},
	"daemon": func() { // leaves one that has left the session, and holds the output
		child := exec.Command("setsid", "sleep", "1000")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			log.Fatal(err)
		}
		fmt.Println("daemon", child.Process.Pid)
		time.Sleep(300 * time.Millisecond)
	},
	"close": func() {
		os.Stderr.Close()
		os.Stdout.Close()
		serve(http.NewServeMux())
	},
	"close stderr": func() {
		os.Stderr.Close()
		fmt.Println("still here")
		serve(http.NewServeMux())
	},
	"write": func() {
		n, err := strconv.Atoi(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		os.Stdout.WriteString(strings.Repeat("0123456789abcdef", n/16))
		fmt.Fprint(os.Stderr, "the end")
	},
	"both": func() {
		for i := range 500 {
			fmt.Fprintln(os.Stdout, "out", i)
			fmt.Fprintln(os.Stderr, "err", i)
		}
	},
	"terminals": func() {
		fmt.Println("stdin", isTerminal(os.Stdin), "stdout", isTerminal(os.Stdout), "stderr", isTerminal(os.Stderr))
		fmt.Println("size", size(os.Stdout))
		resized := make(chan os.Signal, 1)
		notifyResize(resized)
		fmt.Println("listening for the size")
		for range resized {
			fmt.Println("size", size(os.Stdout))
		}
	},
	"say": func() { fmt.Printf("%q %q %q\n", os.Args[2:], os.Getenv("SAY"), dir()) },
	"bind": func() {
		l, err := net.Listen("tcp", os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		l.Close()
	},
}

func serve(h http.Handler) {
	if err := http.ListenAndServe(os.Getenv("LISTEN"), h); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func readyz(status func() int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if code := status(); code == http.StatusFound {
			http.Redirect(w, r, "/login", code)
		} else {
			w.WriteHeader(code)
			if code >= 500 {
				fmt.Fprintln(w, "the database is \x1b[31mnot\x1b[0m there")
			}
		}
	})
	return mux
}

func dir() string {
	d, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	return d
}

func forever() {
	for {
		time.Sleep(time.Minute)
	}
}
