package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
)

const (
	cacheForever = "public, max-age=31536000, immutable" // the address changes with the content
	cacheAsk     = "no-cache"                            // keep it, but ask whether it is still right

	hashBytes = 8 // of a file's hash, in its address
)

// asset is one static file, ready to be sent.
type asset struct {
	contentType string
	etag        string // without the quotes
	plain       []byte
	gzipped     []byte // nil where compressing does not pay
}

// assets are the static files, by name ("app.css") and by address ("/static/app.1f0c2d….css").
type assets struct {
	byName map[string]*asset
	byURL  map[string]*asset
	urls   map[string]string // from name to address
}

// loadAssets reads the folder static, names every file by its content and compresses it.
func loadAssets(fsys fs.FS) (*assets, error) {
	a := &assets{byName: map[string]*asset{}, byURL: map[string]*asset{}, urls: map[string]string{}}
	err := fs.WalkDir(fsys, "static", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		kind, err := assetType(file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		hash := hex.EncodeToString(sum[:hashBytes])
		zipped, err := compress(content)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, "static/")
		ext := path.Ext(name)
		url := "/static/" + strings.TrimSuffix(name, ext) + "." + hash + ext
		f := &asset{contentType: kind, etag: hash, plain: content, gzipped: zipped}
		a.byName[name], a.byURL[url], a.urls[name] = f, f, url
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the static files: %w", err)
	}
	return a, nil
}

// assetType is a fixed table, because what the operating system's says differs between machines.
func assetType(file string) (string, error) {
	switch path.Ext(file) {
	case ".css":
		return "text/css; charset=utf-8", nil
	case ".js":
		return "text/javascript; charset=utf-8", nil
	case ".svg":
		return "image/svg+xml", nil
	case ".ico":
		return "image/x-icon", nil
	case ".png":
		return "image/png", nil
	case ".txt":
		return "text/plain; charset=utf-8", nil
	}
	return "", fmt.Errorf("%s: no content type is known for this kind of file", file)
}

// compress returns nil where the result would not be smaller by a tenth.
func compress(content []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(content); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if b.Len() > len(content)*9/10 {
		return nil, nil
	}
	return b.Bytes(), nil
}

// url is the template function asset: the address of a static file.
func (a *assets) url(name string) (string, error) {
	u, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("there is no static file %q", name)
	}
	return u, nil
}

// Static serves the static files for the patterns "GET /static/" and "GET /favicon.ico". An
// address that carries the hash of the content may be kept for ever; one without must be asked
// for again each time. An unknown address is a fault.NotFound for the caller to answer.
//
// Where the files may change, the address that a file had before is its address still, so that a page
// which is open can load a new stylesheet from where it has the old one.
func (p *Pages) Static() fault.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		assets := p.set.Load().assets
		f, cache := assets.byURL[r.URL.Path], cacheForever
		if f == nil {
			f, cache = assets.byName[strings.TrimPrefix(r.URL.Path, "/static/")], cacheAsk
		}
		if f == nil && p.live {
			f = assets.byName[withoutHash(strings.TrimPrefix(r.URL.Path, "/static/"))]
		}
		if r.URL.Path == "/favicon.ico" {
			f, cache = assets.byName["favicon.ico"], "public, max-age=86400"
		}
		if f == nil {
			return fault.NotFound("")
		}
		f.serve(w, r, cache)
		return nil
	}
}

// withoutHash returns the name of the file that has, or had, the address; "" if it is none.
func withoutHash(address string) string {
	ext := path.Ext(address)
	name := strings.TrimSuffix(address, ext)
	hash := path.Ext(name)
	if len(hash) != 1+2*hashBytes {
		return ""
	}
	if _, err := hex.DecodeString(hash[1:]); err != nil {
		return ""
	}
	return strings.TrimSuffix(name, hash) + ext
}

func (f *asset) serve(w http.ResponseWriter, r *http.Request, cache string) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", cache)
	content, etag := f.plain, f.etag
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			content, etag = f.gzipped, f.etag+"-gzip"
			h.Set("Content-Encoding", "gzip")
			if r.Header.Get("Range") == "" {
				// ServeContent leaves it out for encoded content.
				h.Set("Content-Length", strconv.Itoa(len(content)))
			}
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3): gzip by name or by "*", unless its
// weight is zero. A weight that cannot be read counts as zero: the plain file is always right.
func acceptsGzip(header []string) bool {
	star := false
	for _, line := range header {
		for item := range strings.SplitSeq(line, ",") {
			coding, params, weighted := strings.Cut(item, ";")
			coding = strings.ToLower(strings.TrimSpace(coding))
			if coding != "gzip" && coding != "x-gzip" && coding != "*" {
				continue
			}
			wanted := true
			if weighted {
				key, value, _ := strings.Cut(strings.TrimSpace(params), "=")
				q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				wanted = strings.EqualFold(strings.TrimSpace(key), "q") && err == nil && q > 0 && q <= 1
			}
			if coding != "*" {
				return wanted
			}
			star = wanted
		}
	}
	return star
}
