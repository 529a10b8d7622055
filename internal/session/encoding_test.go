package session

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse/internal/iam"
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
	f.Add(appendSession(nil, &full, 0))
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

		again, err := decodeSession(appendSession(nil, &s, 0))
		if err != nil {
			t.Fatalf("%+v cannot be read back: %v", s, err)
		}
		if diff := cmp.Diff(s, again, cmpopts.EquateComparable(iam.RoleARN{})); diff != "" {
			t.Error(diff)
		}
	})
}

// Tokens that were minted before must open after any change: the encoding of a role and of
// everything else is fixed.
func TestEncodingIsFixed(t *testing.T) {
	const text = "\x01\x0c123456789012\x02\x2carn:aws:iam::123456789012:role/team/app-user\x03\x05AROAX\x04\x02me" +
		"\x0e\x05\xe0\xb2\x93\xd8\x06\x0f\x05\xf0\xce\x93\xd8\x06"
	s := Session{
		Account:     "123456789012",
		RoleARN:     roleOf("arn:aws:iam::123456789012:role/team/app-user"),
		RoleID:      "AROAX",
		SessionName: "me",
		Issued:      time.Unix(1795479904, 0).UTC(),
		Expires:     time.Unix(1795483504, 0).UTC(),
	}

	if got := string(appendSession(nil, &s, 0)); got != text {
		t.Errorf("appendSession = %q", got)
	}

	opened, err := decodeSession([]byte(text))
	if err != nil || opened.RoleARN != s.RoleARN || !opened.Issued.Equal(s.Issued) {
		t.Errorf("decodeSession = %+v, %v", opened, err)
	}
	if _, err := decodeSession([]byte("\x01\x0c123456789012\x02\x03app")); err == nil {
		t.Error("a session of no role's ARN is opened")
	}
}
