package forwardauth

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Faults of a path.
var (
	errNoPath      = errors.New("the path does not begin with a slash")
	errEscape      = errors.New("the path has an illegal % escape")
	errEmpty       = errors.New("the path has an empty segment")
	errSeparator   = errors.New("the path has an escaped slash or a backslash")
	errDots        = errors.New("the path has a segment of dots or blanks alone")
	errTwice       = errors.New("the path is escaped twice")
	errUnprintable = errors.New("the path is not printable UTF-8")
	errParameters  = errors.New("the path has a semicolon, at which some servers cut a segment")
	errLookAlike   = errors.New("the path has a character that some servers read as a dot, a slash or a backslash")
)

// splitPath returns the segments of a request's path, decoded, and refuses paths
// that the service behind could read otherwise than we do: what it sees must be
// what was authorised.
func splitPath(raw string) ([]string, error) {
	if !strings.HasPrefix(raw, "/") {
		return nil, errNoPath
	}

	segments := strings.Split(raw[1:], "/")
	for n, text := range segments {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return nil, errEscape
		}
		if decoded == "" && n != len(segments)-1 {
			return nil, errEmpty
		}
		if err := checkSegment(decoded); err != nil {
			return nil, err
		}
		segments[n] = decoded
	}
	return segments, nil
}

// checkSegment refuses a decoded segment that could be read as more than one
// segment, as none or as a step upwards: as it is, with its Unicode characters
// replaced by those that they are variants of, and, for servers that decode more
// than once, in what is escaped in it.
func checkSegment(decoded string) error {
	if isOrdinary(decoded) {
		return nil
	}
	if err := plainFault(decoded); err != nil {
		return err
	}
	if fold(decoded) != nil {
		return errLookAlike
	}

	for range maxEscapes {
		inner := unescape(decoded)
		if inner == decoded {
			return nil
		}
		if plainFault(inner) != nil || fold(inner) != nil {
			return errTwice
		}
		decoded = inner
	}
	return errTwice
}

// hasParameters reports whether some servers, such as those of Java, cut something off a
// segment that was decoded: what follows a semicolon, or a character that becomes one.
func hasParameters(segment string) bool {
	const semicolons = ";\u037e\ufe14\ufe54\uff1b"
	if strings.ContainsAny(segment, semicolons) {
		return true
	}
	for range maxEscapes {
		segment = unescape(segment)
	}
	return strings.ContainsAny(segment, semicolons)
}

// isOrdinary reports whether a segment has letters, digits and a few marks alone, and
// dots between them: every server reads it alike.
func isOrdinary(s string) bool {
	dot := true // before the segment, or as the last character
	for i := range len(s) {
		switch c := s[i]; {
		case isLower(c), isUpper(c), isDigit(c), c == '-', c == '_', c == ':', c == '=', c == '@', c == '~':
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return false
		}
	}
	return !dot
}

// maxEscapes bounds the rounds of decoding: whoever escapes more often wants to
// hide something, and every round costs.
const maxEscapes = 3

// plainFault looks at a segment as it is.
func plainFault(s string) error {
	switch {
	case strings.ContainsAny(s, `/\`):
		return errSeparator
	case !utf8.ValidString(s) || strings.ContainsFunc(s, isControl):
		return errUnprintable
	case isDots(s):
		return errDots
	}
	return nil
}

// isControl reports whether r is a control character (C0, DEL, C1) or one of
// Unicode's separators of lines and paragraphs.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// isDots finds "." and "..", and segments of which nothing is left, when the
// parameters are cut off, and the blanks and dots around them, as some servers and
// file systems do. "..." is a name.
func isDots(s string) bool {
	name, _, parameters := strings.Cut(s, ";")
	trimmed := strings.TrimFunc(name, unicode.IsSpace)
	if trimmed == "." || trimmed == ".." {
		return true
	}

	cutOff := parameters || strings.ContainsFunc(name, unicode.IsSpace)
	return cutOff && strings.TrimFunc(name, func(r rune) bool { return r == '.' || unicode.IsSpace(r) }) == ""
}

// fold looks at what is left of a segment when its characters are replaced by
// their compatibility equivalents (Unicode Normalization Form KC), as Java, .NET,
// Python frameworks and some file systems do, or by the nearest character of a
// Windows code page, and when characters that nobody sees are taken out.
func fold(s string) error {
	if isASCII(s) {
		return nil
	}

	folded := norm.NFKC.String(strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(dotLike, r):
			return '.'
		case strings.ContainsRune(slashLike, r):
			return '/'
		case unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		}
		return r
	}, s))
	if folded == "" {
		return errEmpty
	}

	// A full-width percent sign is common in names. It counts where it makes an
	// escape that hides something.
	for range maxEscapes {
		if err := plainFault(folded); err != nil {
			return err
		}
		inner := unescape(folded)
		if inner == folded {
			return nil
		}
		folded = norm.NFKC.String(inner)
	}
	return errTwice
}

// Characters that normalisation leaves alone, and that code pages, name
// resolution or a reader's eye take for others (Unicode confusables.txt; the
// best-fit tables of Windows). Letters and digits are not among them.
const (
	dotLike   = "\u3002\uff61\u0701\u0702\u06d4\ua4f8\ua60e\U00010a50\U0001d16d"
	slashLike = "\u2044\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f8\u29f9\u00a5\u20a9\uffe5\uffe6"
)

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}|%[uU][0-9A-Fa-f]{4}`)

// unescape decodes what looks like an escape in s, %uXXXX of old Microsoft
// servers too, and leaves the rest.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	return escape.ReplaceAllStringFunc(s, func(e string) string {
		if len(e) == len("%uXXXX") {
			n, _ := strconv.ParseUint(e[2:], 16, 32) // the pattern has hexadecimal digits only
			return string(rune(n))
		}
		n, _ := strconv.ParseUint(e[1:], 16, 8)
		return string([]byte{byte(n)})
	})
}
