// Package crash finds out at the next start how earlier processes ended that did not end by themselves,
// and makes a failure of each such end.
//
// [Watch] leaves a marker in a directory, locked as long as the process lives, and has the Go runtime
// write there too when the process crashes. A clean end takes both away ([Watcher.Close]). What
// remains is found by the next start, or by another process that shares the directory: a panic or a
// fatal error with its stack, or else that the process ended without a word, such as by SIGKILL.
package crash
