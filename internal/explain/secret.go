package explain

import "encoding/json"

// Secret is a secret of the settings. It is masked wherever it is shown; a conversion to
// string returns it.
type Secret string

// Mask is shown in place of a secret.
const Mask = "********"

// MarshalJSON returns the mask.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// String returns the mask, or "" for no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Mask
}

// GoString returns the mask, for %#v.
func (s Secret) GoString() string { return s.String() }
