package identitypool

import "time"

// Predecessor is the deleted identity or pool that had an ID before its account made
// another with the same ID. The zero value means that there was none.
type Predecessor struct {
	Deleted time.Time // the last deletion, if there were several
}

// Had reports whether a session or token that was issued for the ID at that time was
// the predecessor's. Sessions and tokens have whole seconds, so the second of the
// deletion counts as before it.
func (p Predecessor) Had(issued time.Time) bool {
	return !p.Deleted.IsZero() && issued.Unix() <= p.Deleted.Unix()
}

// After returns the date for a session or token that is issued for the ID now: now,
// or the second after the predecessor's deletion if that is later, so that Had
// reports false for it.
func (p Predecessor) After(now time.Time) time.Time {
	if !p.Had(now) {
		return now
	}
	return p.Deleted.Truncate(time.Second).Add(time.Second)
}
