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

// splitPath returns the decoded segments of a request's path. It refuses a path that the
// service behind could read differently, because the service must see the path that was
// authorised.
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

// checkSegment refuses a decoded segment that a server could read as several segments,
// as none, or as a step upwards. It checks the segment as it is, with Unicode variants
// replaced by their plain characters, and decoded again, for servers that decode more
// than once.
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

// hasParameters reports whether some servers, such as those in Java, cut off a part of a
// decoded segment: the text after a semicolon, or after a character that becomes one.
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

// isOrdinary reports whether a segment has only letters, digits, a few marks, and dots
// between them, so that all servers read it in the same way.
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

// maxEscapes is the number of times that an escaped text is decoded again. Text with more
// escapes hides something, and every round costs time.
const maxEscapes = 3

// plainFault checks a segment as it is.
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

// isDots reports whether a segment is "." or "..", or becomes empty when a server or file
// system cuts off parameters and then blanks and dots at its ends. "..." is a name.
func isDots(s string) bool {
	name, _, parameters := strings.Cut(s, ";")
	trimmed := strings.TrimFunc(name, unicode.IsSpace)
	if trimmed == "." || trimmed == ".." {
		return true
	}

	cutOff := parameters || strings.ContainsFunc(name, unicode.IsSpace)
	return cutOff && strings.TrimFunc(name, func(r rune) bool { return r == '.' || unicode.IsSpace(r) }) == ""
}

// fold checks a segment after the changes that some servers make: characters replaced by
// their compatibility equivalents (Unicode Normalization Form KC), as in Java, .NET,
// Python frameworks and some file systems, or by the nearest character of a Windows
// code page, and invisible characters removed.
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

	// A full-width percent sign is common in names. It is a fault only if it makes an
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

// Characters that normalisation does not change, but that code pages, name
// resolution or a reader's eye take for others (Unicode confusables.txt; the
// best-fit tables of Windows). Letters and digits are not among them.
const (
	dotLike   = "\u3002\uff61\u0701\u0702\u06d4\ua4f8\ua60e\U00010a50\U0001d16d"
	slashLike = "\u2044\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f8\u29f9\u00a5\u20a9\uffe5\uffe6"
)

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c >= utf8.RuneSelf })
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}|%[uU][0-9A-Fa-f]{4}`)

// unescape decodes all valid escapes in s, including %uXXXX of old Microsoft servers, and
// leaves the rest.
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
