package web

import (
	"io"
	"net/http"

	"example.org/microblog/fault"
)

// Errors gives the catcher its pages: the failure told in the application's layout. The function
// viewer says who is looking, or nil for a stranger; it must not query, because the database may
// be what failed. Nothing of the request but its viewer is shown.
func (p *Pages) Errors(viewer func(*http.Request) *Viewer) fault.Pages {
	return fault.PagesFunc(func(w io.Writer, r *http.Request, f fault.Page) error {
		page := newErrorPage(f)
		if viewer != nil && r != nil {
			page.Viewer = viewer(r)
		}
		return p.Render(w, page)
	})
}

func newErrorPage(f fault.Page) ErrorPage {
	heading, help := errorTexts(f.Status)
	page := ErrorPage{
		Layout:     Layout{Title: heading},
		Status:     f.Status,
		Heading:    heading,
		Help:       help,
		Message:    f.Message,
		ID:         f.ID,
		Notified:   f.Notified,
		RetryAfter: f.RetryAfter,
	}
	if f.RetryAfter > 0 {
		page.Wait = waitInWords(f.RetryAfter)
		page.Help = "" // when to try again is the help
	}
	return page
}

// errorTexts gives the heading and what a person can do about it.
func errorTexts(status int) (heading, help string) {
	switch status {
	case http.StatusBadRequest:
		return "The request could not be understood", "Please go back and try once more. If you followed a link, it may be damaged."
	case http.StatusUnauthorized:
		return "Please log in first", "This part of Microblog is for people who are logged in."
	case http.StatusForbidden:
		return "This is not allowed", "You may be logged in as somebody else, or the form was sent from another site. Please open the page again and try from there."
	case http.StatusNotFound:
		return "File Not Found", "There is nothing at this address. It may have been deleted or renamed, or the link may have a typing mistake."
	case http.StatusMethodNotAllowed:
		return "This address does not work that way", "Please go back and use the buttons and links of the page."
	case http.StatusRequestTimeout:
		return "The request took too long", "It did not arrive completely in time. Please check your connection and try again."
	case http.StatusConflict:
		return "Somebody else was faster", "What you wanted to change has changed in the meantime. Please open the page again to see how it is now."
	case http.StatusRequestEntityTooLarge:
		return "That is too large", "Please send less at once."
	case http.StatusUnprocessableEntity:
		return "That could not be accepted", "Please go back, correct what you entered and send it again."
	case http.StatusTooManyRequests:
		return "That was too often", "Please wait a little before you try again."
	case http.StatusInternalServerError:
		return "An unexpected error has occurred", "It is not your fault. Please try again in a little while."
	case http.StatusBadGateway:
		return "Another server gave no proper answer", "Please try again in a little while."
	case http.StatusServiceUnavailable:
		return "Microblog is not available right now", "It should be back soon. Please try again in a little while."
	}
	if status >= 400 && status < 500 {
		return "The request could not be answered", "Please go back and try another way."
	}
	return "An unexpected error has occurred", "Please try again in a little while."
}
