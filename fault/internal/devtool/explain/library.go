package explain

// libraryRules are about other packages of the standard library.
func libraryRules() []*rule {
	return []*rule{{
		topic: "scanner", text: `bufio\.Scanner: token too long`,
		title: "A line is too long for bufio.Scanner", say: "A Scanner takes lines of up to 64 KiB, as long as it is not given a larger buffer.",
		try: []string{"Give it one: `scanner.Buffer(nil, 1<<20)`, or read with `bufio.Reader.ReadString`."},
	}, {
		topic: "image", text: `image: unknown format`,
		title: "The image is of a format that is not known", say: "Package image knows only the formats whose packages the program imports; or these bytes are no image.",
		try: []string{"Import them for that: `import _ \"image/png\"`, `_ \"image/jpeg\"`, `_ \"image/gif\"`.", "Was the file read before already? Go back to its beginning with `Seek(0, io.SeekStart)`."},
	}, {
		topic: "compressed", text: `(gzip|zlib): invalid header`,
		title: "This is not compressed by $1", say: "The data does not begin as $1 begins.",
		try: []string{"net/http decompresses answers by itself, unless Accept-Encoding was set by hand.", "Look at Content-Encoding, and at the first bytes."},
	}, {
		topic: "compressed", text: `zip: not a valid zip file`,
		title: "This is no zip file", say: "There is no list of files at its end: it is of another kind, was cut, or its size was given wrongly.",
		try: []string{"zip.NewReader needs the exact size."},
	}, {
		topic: "key size", types: []string{"aes.KeySizeError", "des.KeySizeError", "rc4.KeySizeError"}, strict: true, text: `crypto/(\w+): invalid key size (\d+)`,
		title: "The key has the wrong length", say: "It has $2 bytes. AES takes 16, 24 or 32.",
		try: []string{"Is it still encoded? Decode it from base64 or hexadecimal first.", "A password is no key: derive one, such as with `crypto/pbkdf2`."},
	}, {
		topic: "authentication", text: `cipher: message authentication failed`,
		title: "It could not be decrypted", say: "It was encrypted with another key or nonce, or was changed or cut since.",
		try: []string{"Was the key changed, or is it made anew at each start?", "If it comes from outside, such as from a cookie, treat it as not there."},
	}, {
		topic: "gob", text: `gob: (?:type|name) not registered for interface: "?(.+?)"?$`,
		title: "gob does not know `$1`", say: "A value of that type is in an interface, and gob writes and reads those only of registered types. Sessions often use gob.",
		try: []string{"Register it once, at the start: `gob.Register($1{})`.", "Or store a number or a text in its place."},
	}, {
		topic: "gob", text: `gob: type (.+) has no exported fields`,
		title: "`$1` has nothing that gob could write", say: "gob writes exported fields only.", try: []string{"Begin the names of its fields with capital letters, or give it a GobEncode."},
	}, {
		topic: "errors.As", text: `errors: (?:target (?:cannot be nil|must be a non-nil pointer)|\*target must be interface or implement error)`,
		title: "errors.As was called with a wrong target", say: "Its second argument has to be a pointer to a variable of the error's type, or of an interface.",
		try: []string{"`var e *fs.PathError; if errors.As(err, &e) { … }`; with methods of the pointer, the variable is a pointer itself."},
	}, {
		topic: "nil context", text: `cannot create context from nil parent`,
		title: "The context is nil", say: "A context was made from one that is nil, perhaps of a field that was never set.",
		try: []string{"Pass `r.Context()` on in a handler, and `context.Background()` where there is none."},
	}, {
		topic: "builder", text: `strings: illegal use of non-zero Builder copied by value`,
		title: "A strings.Builder was copied", say: "It was written to before and after it was copied, such as by passing it, or a struct that has it, to a function.",
		try: []string{"Pass a pointer: `*strings.Builder`."},
	}, {
		topic: "registered twice", text: `(?:sql: Register called twice for driver|flag redefined:|Reuse of exported var name:?|gob: registering duplicate (?:types|names) for|duplicate metrics collector registration attempted) ?(.*)$`,
		title: "Something was registered twice", say: "`$1` is registered already. Names of that kind are the whole process's.",
		try: []string{"Register it once, where the program starts, and not in a function that tests or handlers call again.", "Two packages, or two versions of one, may use the same name."},
	}, {
		topic: "big", types: []string{"panic", "string"}, text: `^division by zero$`,
		title: "Division by zero", say: "A number of package math/big was divided by zero.", try: []string{"Ask before: `if d.Sign() == 0`."},
	}, {
		topic: "buffer", text: `bytes\.Buffer: (truncation out of range)`,
		title: "A bytes.Buffer was cut beyond its end", say: "`$1`: Truncate takes a length from 0 to that of the buffer.",
	}, {
		topic: "atomic", text: `sync/atomic: (?:store|swap|compare and swap) of (nil value into|inconsistently typed value into|inconsistently typed values in) Value`,
		title: "An atomic.Value was given a value of another type", say: "All that is stored in one has to be of the same type, and not nil.",
		try: []string{"Use `atomic.Pointer[T]`, which the compiler checks."},
	}, {
		topic: "iterator", text: `range function continued iteration after (function for loop body returned false|whole loop exit|loop body panic)`,
		title: "An iterator went on after the loop had ended", say: "The function that was ranged over called yield again, although it had returned false or the loop was over.",
		try: []string{"Return as soon as it is false: `if !yield(v) { return }`.", "yield must not be kept, nor be called by another goroutine."},
	}, {
		topic: "listen", types: []string{"*net.AddrError"}, text: `address (\S*): (missing port in address|too many colons in address)`,
		title: "`$1` is not host and port", say: "It is taken apart into a host and a port: $2.",
		try: []string{"Write both: `example.org:443`, `[::1]:443`.", "`r.RemoteAddr` has a port; X-Forwarded-For and a Host header need not."},
	}}
}
