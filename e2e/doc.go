// Package e2e drives the built binary as people do: over HTTP, on the command line, and in a browser.
//
// Everything is in the tests. They build cmd/microblog once, with the race
// detector where they have it themselves, and start as many processes of it as
// a test needs, each in a directory of its own.
//
// Two things are looked for outside. Without them the tests that need them are
// skipped, and say so:
//
//   - PostgreSQL: TEST_POSTGRES_URL is the URL of a server where the role may
//     create databases. Each test makes its own and drops it.
//   - Chromium: the program that CHROMIUM names, else chromium, chromium-browser
//     or google-chrome of PATH.
//
// With E2E_BINARY=FILE they test that binary and build none; it has to be called
// microblog. With E2E_SCREENSHOTS=DIR the browser tests leave pictures of the
// pages in DIR.
package e2e
