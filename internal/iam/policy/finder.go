package policy

import "unicode/utf8"

// finder finds a segment by the Shift-And algorithm (Baeza-Yates and Gonnet, "A new
// approach to text searching", 1992). It compares 64 places at a time, in any texts.
type finder struct {
	length int // length of the segment in characters
	// at has, for each character of the segment, the places where it may be, one bit
	// each. anywhere has those of all other characters: the places of ?.
	at       map[rune][]uint64
	anywhere []uint64
}

// newFinder returns the finder of g; ok is false if a literal is not UTF-8, or if g is
// empty.
func newFinder(g segment) (f finder, ok bool) {
	for i := range g {
		switch {
		case g[i].kind == one:
			f.length++
		case utf8.ValidString(g[i].text):
			f.length += utf8.RuneCountInString(g[i].text)
		default:
			return finder{}, false
		}
	}
	if f.length == 0 { // empty variables
		return finder{}, false
	}

	words := (f.length + 63) / 64
	f.at, f.anywhere = map[rune][]uint64{}, make([]uint64, words)

	place := 0
	for i := range g {
		if g[i].kind == one {
			f.anywhere[place/64] |= 1 << (place % 64)
			place++
			continue
		}

		for _, r := range g[i].text {
			if f.at[r] == nil {
				f.at[r] = make([]uint64, words)
			}
			f.at[r][place/64] |= 1 << (place % 64)
			place++
		}
	}

	for _, places := range f.at {
		for w := range places {
			places[w] |= f.anywhere[w]
		}
	}

	return f, true
}

// find returns the end of the first occurrence in s.
func (f *finder) find(s string) (int, bool) {
	// Bit n of reached is set if the text up to here ends with the segment's first n+1
	// characters.
	reached := make([]uint64, len(f.anywhere))
	last := f.length - 1
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size

		places := f.anywhere
		if r != utf8.RuneError || size > 1 { // no segment has a byte that is not a character
			if own := f.at[r]; own != nil {
				places = own
			}
		}

		carry := uint64(1)
		for w, bits := range reached {
			reached[w] = (bits<<1 | carry) & places[w]
			carry = bits >> 63
		}
		if reached[last/64]>>(last%64)&1 != 0 {
			return i, true
		}
	}

	return 0, false
}
