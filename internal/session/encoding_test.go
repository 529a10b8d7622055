package session

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeSessionRefuses(t *testing.T) {
	end := appendTime(nil, fieldExpires, time.Unix(1, 0))
	for name, b := range map[string][]byte{
		"unknown field":            {99, 0},
		"field zero":               {0, 0},
		"no length":                {fieldAccount},
		"cut content":              {fieldAccount, 3, 'a', 'b'},
		"length beyond int":        {fieldAccount, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"length without end":       {fieldAccount, 0xff, 0xff},
		"the same field twice":     {fieldAccount, 1, 'a', fieldAccount, 1, 'b'},
		"fields out of order":      {fieldRoleARN, 1, 'a', fieldAccount, 1, 'b'},
		"tag without key":          {fieldTag, 1, 9},
		"empty time":               {fieldIssued, 0},
		"time with more behind it": {fieldIssued, 2, 1, 1},
		"time beyond the calendar": {fieldIssued, 6, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"something behind the end": append(end, 1),
	} {
		if s, err := decodeSession(b); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func FuzzDecodeSession(f *testing.F) {
	full := ordinary(time.Unix(1795428000, 0).UTC())
	f.Add(appendSession(nil, &full))
	f.Add([]byte{})
	f.Add([]byte{fieldTag, 3, 1, 'a', 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeSession(b)
		if err != nil {
			return
		}
		if s.Issued.IsZero() {
			s.Issued = time.Unix(0, 0).UTC()
		}
		if s.Expires.IsZero() {
			s.Expires = time.Unix(0, 0).UTC()
		}

		again, err := decodeSession(appendSession(nil, &s))
		if err != nil {
			t.Fatalf("%+v cannot be read back: %v", s, err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Error(diff)
		}
	})
}
