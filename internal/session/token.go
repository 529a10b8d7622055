package session

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// A session token is the base64 of
//
//	version (1 byte) | key ID (8) | nonce (12) | AES-256-GCM of the session
//
// with version, key ID and the access key ID as additional data. It is encrypted and not
// merely signed, because its bearer needs none of the content.
const (
	tokenVersion = 1
	headerBytes  = 1 + keyIDBytes
	tagBytes     = 16
)

// MaxTokenBytes is the longest session token, in characters (AWS STS: 4,096 bytes since
// September 2026). Services behind load balancers accept headers of 8 KB or less.
const MaxTokenBytes = 4096

const (
	accessKeyPrefix = "ASIA"
	accessKeyBytes  = len(accessKeyPrefix) + 16
)

// workspace is the memory that minting needs temporarily.
type workspace struct {
	random      [10 + nonceBytes]byte
	accessKeyID [accessKeyBytes]byte
	additional  [headerBytes + accessKeyBytes]byte
	token       []byte
	text        [MaxTokenBytes]byte
}

var workspaces = sync.Pool{New: func() any { return &workspace{token: make([]byte, 0, 1536)} }}

// strict refuses trailing bits, so that each token has only one spelling.
var strict = base64.StdEncoding.Strict()

// Mint makes credentials for s. If Issued is zero, it is now. Mint returns ErrTooLarge if
// the token would exceed MaxTokenBytes, and another error if s could not be opened again:
// it has no role or name, ends before it begins, or lasts longer than iam.MaxSession, after
// which keys are not kept.
func (m *Minter) Mint(ctx context.Context, s Session) (Credentials, error) {
	return m.MintSized(ctx, s, 0)
}

// MintSized is Mint with a session token of at least minBytes, to try out whether clients
// carry larger ones (STS API reference, MinimumSessionTokenSize).
func (m *Minter) MintSized(ctx context.Context, s Session, minBytes int) (Credentials, error) {
	now := m.now()
	if s.Issued.IsZero() {
		s.Issued = now
	}
	s.Issued, s.Expires = s.Issued.UTC().Truncate(time.Second), s.Expires.UTC().Truncate(time.Second)

	if err := s.checkOwner(); err != nil {
		return Credentials{}, err
	}

	switch {
	case s.Issued.Unix() < 0 || !s.Expires.After(s.Issued):
		return Credentials{}, fmt.Errorf("session: a session cannot last from %v to %v", s.Issued, s.Expires)
	case s.Expires.Sub(now) > iam.MaxSession:
		return Credentials{}, fmt.Errorf("session: a session until %v is longer than %v", s.Expires, iam.MaxSession)
	}

	ring, err := m.current(ctx, now)
	if err != nil {
		return Credentials{}, err
	}

	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)

	rand.Read(w.random[:]) // never fails (crypto/rand)
	nonce := w.random[10:]
	copy(w.accessKeyID[:], accessKeyPrefix)
	base32.StdEncoding.Encode(w.accessKeyID[len(accessKeyPrefix):], w.random[:10])
	accessKeyID := string(w.accessKeyID[:])
	key := ring.current(now)

	token := append(w.token[:0], tokenVersion)
	token = append(token, key.id[:]...)
	aad := additional(w.additional[:0], token, accessKeyID)
	token = append(token, nonce...)
	header := len(token)
	// One of the three bytes of the last base64 group is enough.
	token = appendSession(token, &s, (min(minBytes, MaxTokenBytes)+3)/4*3-2-tagBytes)
	length := base64.StdEncoding.EncodedLen(len(token) + tagBytes)
	if length > MaxTokenBytes {
		return Credentials{}, fmt.Errorf("%w: %d bytes of %d", ErrTooLarge, length, MaxTokenBytes)
	}

	token = key.aead.Seal(token[:header], nonce, token[header:], aad) // in place
	text := w.text[:length]
	base64.StdEncoding.Encode(text, token)
	w.token = token // which may have grown

	return Credentials{
		AccessKeyID:     accessKeyID,
		SecretAccessKey: key.secret(accessKeyID, nonce),
		SessionToken:    string(text),
		Expiration:      s.Expires,
	}, nil
}

// checkOwner refuses a session that belongs to neither a role nor an access key.
func (s *Session) checkOwner() error {
	if s.Key != "" {
		switch {
		case !s.RoleARN.IsZero() || s.SessionName != "" || s.Account == "":
			return errors.New("session: a session of an access key has an account, and no role")
		case s.FederatedUser == "" && len(s.Policies)+len(s.Tags) > 0:
			return errors.New("session: only federated users of an access key have policies and tags")
		case s.FederatedUser != "" && !iam.IsFederatedName(s.FederatedUser):
			return fmt.Errorf("session: federated user %q: use 2 to 32 letters, digits and +=,.@_-", s.FederatedUser)
		}

		return nil
	}

	switch {
	case s.FederatedUser != "":
		return errors.New("session: a federated user has an access key")
	case s.RoleARN.IsZero():
		return errors.New("session: a session has a role, or an access key")
	case s.RoleARN.Account != s.Account:
		return fmt.Errorf("session: role %s is not in account %s", s.RoleARN, s.Account)
	case !iam.IsSessionName(s.SessionName):
		return fmt.Errorf("session: session name %q: use 2 to 64 letters, digits and +=,.@_-", s.SessionName)
	}

	return nil
}

// Open checks that sessionToken was made by this installation, belongs to accessKeyID and
// has not expired. It returns the session and the secret that signs its requests. The error
// wraps ErrInvalidToken or ErrExpiredToken; another error means that the keys have not been
// read for maxUnread. Open asks the database only for the key of a token that this node
// does not know yet.
func (m *Minter) Open(ctx context.Context, accessKeyID, sessionToken string) (Session, string, error) {
	s, secret, err := m.open(ctx, accessKeyID, sessionToken)
	if err != nil {
		return Session{}, "", err
	}
	if now := m.now(); !now.Before(s.Expires) {
		return Session{}, "", fmt.Errorf("%w: it ended at %s", ErrExpiredToken, s.Expires.Format(time.RFC3339))
	}

	return s, secret, nil
}

// Owner returns the account of a session token, expired or not, or "" if this installation
// did not make the token or it does not belong to accessKeyID. It shows whom a refused call
// concerns.
func (m *Minter) Owner(ctx context.Context, accessKeyID, sessionToken string) identitypool.AccountID {
	untraced := explain.NewContext(ctx, nil) // Open has explained the refusal
	s, _, err := m.open(untraced, accessKeyID, sessionToken)
	if err != nil {
		return ""
	}
	return s.Account
}

// open is Open for tokens of any age.
func (m *Minter) open(ctx context.Context, accessKeyID, sessionToken string) (Session, string, error) {
	if len(accessKeyID) != accessKeyBytes || !strings.HasPrefix(accessKeyID, accessKeyPrefix) {
		return Session{}, "", invalid("the access key is not a temporary one")
	}

	// The decoder skips line breaks; a token has none.
	if len(sessionToken) > MaxTokenBytes ||
		strings.IndexByte(sessionToken, '\n') >= 0 || strings.IndexByte(sessionToken, '\r') >= 0 {
		return Session{}, "", invalid("it does not have the form of a session token")
	}
	token, err := strict.DecodeString(sessionToken)
	if err != nil || len(token) < headerBytes+nonceBytes+tagBytes || token[0] != tokenVersion {
		return Session{}, "", invalid("it does not have the form of a session token")
	}

	key, err := m.key(ctx, keyID(token[1:headerBytes]))
	if err != nil {
		return Session{}, "", err
	}
	if key == nil {
		id := hex.EncodeToString(token[1:headerBytes])
		explain.FromContext(ctx).Refuse(sessionKeyGone.With("key", id))
		return Session{}, "", invalid("its key " + id + " is not in use")
	}

	nonce := token[headerBytes : headerBytes+nonceBytes]
	aad := additional(make([]byte, 0, headerBytes+accessKeyBytes), token[:headerBytes], accessKeyID)
	sealed := token[headerBytes+nonceBytes:]
	plain, err := key.aead.Open(sealed[:0], nonce, sealed, aad) // in place
	if err != nil {
		return Session{}, "", invalid("it was changed or belongs to another access key")
	}
	s, err := decodeSession(plain)
	if err != nil {
		return Session{}, "", invalid("its content cannot be read")
	}

	return s, key.secret(accessKeyID, nonce), nil
}

// additional appends the additional data of a token to b: its header and its
// access key.
func additional(b, header []byte, accessKeyID string) []byte {
	return append(append(b, header...), accessKeyID...)
}

func invalid(why string) error { return fmt.Errorf("%w: %s", ErrInvalidToken, why) }
