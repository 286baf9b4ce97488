package incident

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// termsWithDigits are words of the trade, in lower case, whose digits are no data.
var termsWithDigits = terms(`
	utf8 utf16 utf32 latin1 base16 base32 base58 base62 base64 ascii85 i18n l10n a11y k8s
	md4 md5 sha1 sha2 sha3 sha224 sha256 sha384 sha512 blake2b blake2s crc16 crc32 crc32c crc64
	argon2 argon2i argon2d argon2id pbkdf2 hs256 hs384 hs512 rs256 rs384 rs512 es256 es384 es512 ps256
	ed25519 x25519 p224 p256 p384 p521 secp256k1 secp256r1 aes128 aes192 aes256 rc4 chacha20 poly1305
	x509 pkcs1 pkcs7 pkcs8 pkcs12 int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64
	complex64 complex128 h2 h2c h3 http1 http2 http3 ipv4 ipv6 tcp4 tcp6 udp4 udp6 ip4 ip6 socks4 socks5
	oauth1 oauth2 pop3 s3 ec2 amd64 arm64 x86 x64 win32 win64 sqlite3 log4j bzip2 lz4 mp3 mp4 h264 h265
`)

func terms(list string) map[string]bool {
	found := map[string]bool{}
	for _, term := range strings.Fields(list) {
		found[term] = true
	}
	return found
}

// plainWord returns a word, a run of letters and digits, with # for what in it is data.
func plainWord(word string) string {
	if len(word) > maxWord {
		return dataMark
	}
	if strings.IndexFunc(word, unicode.IsDigit) < 0 || termsWithDigits[strings.ToLower(word)] {
		return word
	}
	if isHexWord(word) {
		return dataMark
	}
	runs := splitRuns(word)
	if len(runs) == 2 && !isDigits(runs[0]) {
		return runs[0] + dataMark // user42
	}
	// Else it is an identifier of random characters, unless its letters look like words.
	const most = 5
	var b strings.Builder
	for _, run := range runs {
		switch {
		case isDigits(run):
			b.WriteString(dataMark)
		case len(runs) > most || !looksLikeWord(run):
			return dataMark
		default:
			b.WriteString(run)
		}
	}
	return b.String()
}

// isHexWord tells whether a word with a digit in it may be hexadecimal.
func isHexWord(word string) bool {
	const least = 7 // Git shortens to this.
	for i := range len(word) {
		if !isHex(word[i]) {
			return false
		}
	}
	return len(word) >= least
}

// isDigits tells of which kind a run is.
func isDigits(run string) bool {
	r, _ := utf8.DecodeRuneInString(run)
	return unicode.IsDigit(r)
}

// splitRuns returns a word's runs of digits and of other characters, in turn.
func splitRuns(word string) []string {
	var runs []string
	start, was := 0, false
	for i, r := range word {
		digit := unicode.IsDigit(r)
		if i > 0 && digit != was {
			runs = append(runs, word[start:i])
			start = i
		}
		was = digit
	}
	return append(runs, word[start:])
}

// looksLikeWord tells whether letters are at least three, with a vowel if they are ASCII, and written
// as words are: in one case, or with a capital first.
func looksLikeWord(run string) bool {
	const least = 3
	if len(run) < least {
		return false
	}
	ascii, vowel, lower, upper := true, false, 0, 0
	for i, r := range run {
		ascii = ascii && r < 0x80
		switch {
		case unicode.IsLower(r):
			lower++
		case unicode.IsUpper(r) && i > 0:
			upper++
		}
		vowel = vowel || strings.ContainsRune("aeiouyAEIOUY", r)
	}
	return (vowel || !ascii) && (lower == 0 || upper == 0)
}
