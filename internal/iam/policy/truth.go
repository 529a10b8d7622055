package policy

// truth is a value of Kleene's strong three-valued logic. If part of a statement cannot
// be evaluated, the result is unknown: a Deny then applies and an Allow does not, so
// neither opens anything.
//
// AND is the smaller of two values, OR the larger.
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

// not returns the opposite of t; unknown stays unknown.
func (t truth) not() truth { return yes - t }

// notIf returns the opposite of t if negated is true, else t.
func (t truth) notIf(negated bool) truth {
	if negated {
		return t.not()
	}
	return t
}
