package web

import (
	"net/url"
	"strconv"

	"example.org/microblog/fault"
	"example.org/microblog/internal/store"
)

// readPage reads which part of a list the address asks for: ?before= or ?after= with a cursor.
// Other parameters are ignored.
func readPage(u *url.URL, limit int) (store.Page, error) {
	page := store.Page{Limit: limit}
	if u.RawQuery == "" {
		return page, nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return page, fault.With(400, "The part of the address after the question mark cannot be read.", err)
	}
	if page.Before, err = readCursor(query, "before"); err != nil {
		return page, err
	}
	if page.After, err = readCursor(query, "after"); err != nil {
		return page, err
	}
	if page.Before != 0 && page.After != 0 {
		return page, fault.BadRequest("The address has both \"before\" and \"after\"; only one of them can be used.")
	}
	return page, nil
}

func readCursor(query url.Values, name string) (int64, error) {
	values, given := query[name]
	if !given {
		return 0, nil
	}
	if len(values) == 1 {
		if id, ok := readID(values[0]); ok {
			return id, nil
		}
	}
	return 0, fault.BadRequest("The address has a \"" + name + "\" that is not one whole number above 0.")
}

// readID reads a key as it stands in addresses: decimal, without sign or leading zeros, above 0.
func readID(s string) (int64, bool) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, false
	}
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil
}

// pager makes the links from a part of the list at path, with so many items, to its neighbours.
func pager(path string, part store.Page, p store.Pager, items int) Pager {
	var links Pager
	if items == 0 && part.Before > 0 {
		links.Newest = path
	}
	if p.Newer > 0 {
		links.Newer = path + "?after=" + strconv.FormatInt(p.Newer, 10)
	}
	if p.Older > 0 {
		links.Older = path + "?before=" + strconv.FormatInt(p.Older, 10)
	}
	return links
}
