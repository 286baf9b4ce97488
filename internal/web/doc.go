// Package web answers Microblog's requests: the handlers by resource, the pages, and the static files.
//
// A request goes through, from the outside to the inside:
//
//   - its state: who asks from where (TrustedProxies), the request's id, a time limit for all it
//     waits for; then the access log and the security headers
//   - the catcher's middleware, which answers whatever fails
//   - the check that a request which changes something comes from this site
//   - the session, if the browser has one: one query for it and whoever is signed in
//   - the route, whose handler is a func(w, r) error
//
// # Sessions
//
// A session lives in the database, under the hash of its token; a browser that only reads has none.
// With "remember me" it lasts 30 days from the log-in. Without, it ends with the browser, after a day
// without a request, and after a week in any case. Its token is new after each log-in and change of
// password. What the next page has to tell, as "Your changes have been saved.", travels in a signed
// cookie, so that it costs no write and strangers store nothing.
//
// # Limits
//
// Failed log-ins are counted for each account and address, and apart for each browser that has signed
// in to the account before; registrations are counted for each address. The counts are in the
// database. See package store.
package web
