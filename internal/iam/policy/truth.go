package policy

// truth is a value of Kleene's strong three-valued logic. A statement that
// depends on something that cannot be evaluated is neither true nor false: a
// Deny then applies and an Allow does not, so that it opens nothing either way.
//
// The order of the values makes AND the smaller and OR the larger of two.
type truth uint8

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// not leaves unknown as it is.
func (t truth) not() truth { return yes - t }

// notIf is the opposite of t if negated is set.
func (t truth) notIf(negated bool) truth {
	if negated {
		return t.not()
	}
	return t
}
