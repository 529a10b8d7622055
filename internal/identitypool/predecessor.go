package identitypool

import "time"

// Predecessor is the identity or pool that had an ID before it was deleted and its
// account made another under the same ID. The zero value says that there was none.
type Predecessor struct {
	Deleted time.Time // the last of them, if there were several
}

// Had reports whether a session or token of the ID that was issued at a moment was
// the predecessor's. Sessions and tokens have whole seconds, so the second of the
// deletion counts as before it.
func (p Predecessor) Had(issued time.Time) bool {
	return !p.Deleted.IsZero() && issued.Unix() <= p.Deleted.Unix()
}

// After returns when something that is issued now for the ID is dated: now, or the
// second after the predecessor's deletion if that is later, so that nobody takes it
// for the predecessor's.
func (p Predecessor) After(now time.Time) time.Time {
	if !p.Had(now) {
		return now
	}
	return p.Deleted.Truncate(time.Second).Add(time.Second)
}
