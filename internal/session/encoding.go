package session

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Inside a token a session is a sequence of fields: number (one byte), length
// (unsigned varint), content. Numbers never decrease; lists repeat their
// number; a tag is the length of its key, its key and its value; times are
// seconds since 1970 as unsigned varints. Empty fields are left out. A reader
// refuses numbers that it does not know, because a skipped field could be one
// that narrows the session. An older node therefore refuses sessions that use a
// newer field.
const (
	fieldAccount = iota + 1
	fieldRoleARN
	fieldRoleID
	fieldSessionName
	fieldIdentityID
	fieldPoolID
	fieldAMR
	fieldTag
	fieldTransitiveTagKey
	fieldPolicy
	fieldSourceIdentity
	fieldProvider
	fieldRegion
	fieldIssued
	fieldExpires
	fieldFederatedProvider
	fieldClaim // like a tag; a key with several values repeats
	fieldKey
	fieldPadding // has no meaning
	fieldFederatedUser
	fieldSignIn // the lengths of provider and subject, and the two, before the ID; repeats
)

// errEncoding means that a session cannot be decoded.
var errEncoding = errors.New("malformed session")

func appendField(b []byte, number byte, content string) []byte {
	b = append(b, number)
	b = binary.AppendUvarint(b, uint64(len(content)))
	return append(b, content...)
}

func appendText(b []byte, number byte, text string) []byte {
	if text == "" {
		return b
	}
	return appendField(b, number, text)
}

func appendTexts(b []byte, number byte, list []string) []byte {
	for _, text := range list {
		b = appendField(b, number, text)
	}
	return b
}

func appendTime(b []byte, number byte, t time.Time) []byte {
	var seconds [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(seconds[:], uint64(t.Unix()))
	b = append(b, number, byte(n))
	return append(b, seconds[:n]...)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// appendSession appends the encoding of s to b, with padding to at least minBytes.
func appendSession(b []byte, s *Session, minBytes int) []byte {
	last := appendText(nil, fieldFederatedUser, s.FederatedUser)
	for _, signIn := range s.SignIns {
		user := appendCut(appendCut(nil, signIn.Provider), signIn.Subject)
		last = appendField(last, fieldSignIn, string(user)+signIn.ID)
	}
	b = appendFields(b, s)
	b = appendPadding(b, minBytes-len(b)-len(last))

	return append(b, last...)
}

// appendFields appends the fields before the padding.
func appendFields(b []byte, s *Session) []byte {
	b = appendText(b, fieldAccount, string(s.Account))
	b = appendText(b, fieldRoleARN, s.RoleARN.String())
	b = appendText(b, fieldRoleID, s.RoleID)
	b = appendText(b, fieldSessionName, s.SessionName)

	b = appendText(b, fieldIdentityID, string(s.IdentityID))
	b = appendText(b, fieldPoolID, string(s.PoolID))
	b = appendTexts(b, fieldAMR, s.AMR)

	for _, key := range sortedKeys(s.Tags) {
		b = appendPair(b, fieldTag, key, s.Tags[key])
	}

	b = appendTexts(b, fieldTransitiveTagKey, s.TransitiveTagKeys)
	b = appendTexts(b, fieldPolicy, s.Policies)
	b = appendText(b, fieldSourceIdentity, s.SourceIdentity)
	b = appendText(b, fieldProvider, s.Provider)
	b = appendText(b, fieldRegion, s.Region)

	b = appendTime(b, fieldIssued, s.Issued)
	b = appendTime(b, fieldExpires, s.Expires)
	b = appendText(b, fieldFederatedProvider, s.FederatedProvider)
	for _, key := range sortedKeys(s.Claims) {
		for _, value := range s.Claims[key] {
			b = appendPair(b, fieldClaim, key, value)
		}
	}

	return appendText(b, fieldKey, s.Key)
}

// appendPair appends a field whose content is the length of key, key and value.
func appendPair(b []byte, number byte, key, value string) []byte {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(key)))
	b = append(b, number)
	b = binary.AppendUvarint(b, uint64(n+len(key)+len(value)))
	b = append(b, length[:n]...)
	b = append(b, key...)
	return append(b, value...)
}

// appendCut appends a text in the form that cutLength reads.
func appendCut(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendPadding appends at least the missing number of bytes, without meaning, and at
// most one more.
func appendPadding(b []byte, missing int) []byte {
	if missing <= 0 {
		return b
	}
	content := max(0, missing-2) // beside the number and a length of one byte
	if content > 127 {
		content = max(128, missing-3) // beside a length of two bytes
	}

	b = append(b, fieldPadding)
	b = binary.AppendUvarint(b, uint64(content))

	return append(b, make([]byte, content)...)
}

// decodeSession reads what appendSession wrote and refuses anything else.
func decodeSession(b []byte) (Session, error) {
	var s Session
	var last byte
	// All strings are parts of this one copy.
	for all := string(b); all != ""; {
		number := all[0]
		content, rest, ok := cutLength(all[1:])
		repeats := number == fieldAMR || number == fieldTag || number == fieldTransitiveTagKey ||
			number == fieldPolicy || number == fieldClaim || number == fieldSignIn
		if !ok || number < last || number == last && !repeats {
			return Session{}, errEncoding
		}

		last, all = number, rest
		if !s.set(number, content) {
			return Session{}, errEncoding
		}
	}

	return s, nil
}

func (s *Session) set(number byte, content string) bool {
	ok := true
	switch number {
	case fieldAccount:
		s.Account = identitypool.AccountID(content)
	case fieldRoleARN:
		arn, err := iam.ParseRoleARN(content)
		s.RoleARN, ok = arn, err == nil
	case fieldRoleID:
		s.RoleID = content
	case fieldSessionName:
		s.SessionName = content
	case fieldIdentityID:
		s.IdentityID = identitypool.IdentityID(content)
	case fieldPoolID:
		s.PoolID = identitypool.PoolID(content)
	case fieldAMR:
		s.AMR = append(s.AMR, content)
	case fieldTag:
		var key, value string
		if key, value, ok = cutLength(content); ok {
			if s.Tags == nil {
				s.Tags = map[string]string{}
			}
			s.Tags[key] = value
		}
	case fieldTransitiveTagKey:
		s.TransitiveTagKeys = append(s.TransitiveTagKeys, content)
	case fieldPolicy:
		s.Policies = append(s.Policies, content)
	case fieldSourceIdentity:
		s.SourceIdentity = content
	case fieldProvider:
		s.Provider = content
	case fieldRegion:
		s.Region = content
	case fieldIssued:
		s.Issued, ok = decodeTime(content)
	case fieldExpires:
		s.Expires, ok = decodeTime(content)
	case fieldFederatedProvider:
		s.FederatedProvider = content
	case fieldClaim:
		var key, value string
		if key, value, ok = cutLength(content); ok {
			if s.Claims == nil {
				s.Claims = map[string][]string{}
			}
			s.Claims[key] = append(s.Claims[key], value)
		}
	case fieldKey:
		s.Key = content
	case fieldPadding:
	case fieldFederatedUser:
		s.FederatedUser = content
	case fieldSignIn:
		ok = s.addSignIn(content)
	default:
		ok = false
	}

	return ok
}

func (s *Session) addSignIn(content string) bool {
	provider, rest, ok := cutLength(content)
	subject, id, ok2 := cutLength(rest)
	s.SignIns = append(s.SignIns, identitypool.SignIn{Provider: provider, Subject: subject, ID: id})

	return ok && ok2
}

// cutLength splits s behind its leading length into the content and the rest.
func cutLength(s string) (content, rest string, ok bool) {
	length, n := uvarint(s)
	if n <= 0 || length > uint64(len(s)-n) {
		return "", "", false
	}
	end := n + int(length)
	return s[n:end], s[end:], true
}

func decodeTime(content string) (time.Time, bool) {
	const lastSecond = 253402300799 // of the year 9999
	seconds, n := uvarint(content)
	return time.Unix(int64(seconds), 0).UTC(), n == len(content) && n > 0 && seconds <= lastSecond
}

// uvarint reads an unsigned varint of at most six bytes without copying s.
func uvarint(s string) (value uint64, n int) {
	for shift := 0; n < len(s) && n < 6; shift += 7 {
		c := s[n]
		n++
		value |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return value, n
		}
	}

	return 0, 0
}
