package clilogin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// Credentials are temporary credentials of an identity.
type Credentials struct {
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key"`
	SessionToken    string    `json:"session_token"`
	Expires         time.Time `json:"expires"`
	Issued          time.Time `json:"issued"` // when they were received
}

// String hides the secrets, so that a format verb cannot print them.
func (Credentials) String() string { return "(credentials)" }

// GoString hides the secrets too.
func (Credentials) GoString() string { return "(credentials)" }

// session has all secrets of a profile, from its last sign-in.
type session struct {
	Binding      string    `json:"binding"` // Profile.binding at the sign-in
	SignedIn     time.Time `json:"signed_in"`
	Subject      string    `json:"subject,omitempty"`
	ClientSecret string    `json:"client_secret,omitempty"`

	IDToken        string    `json:"id_token,omitempty"`
	IDTokenExpires time.Time `json:"id_token_expires,omitzero"`
	RefreshToken   string    `json:"refresh_token,omitempty"`
	// Refreshing is when a process began to spend the refresh token. It is zero once the answer is kept.
	Refreshing time.Time `json:"refreshing,omitzero"`
	// Ended tells why the issuer takes the refresh token no more.
	Ended string `json:"ended,omitempty"`

	IdentityID  string      `json:"identity_id,omitempty"`
	Credentials Credentials `json:"credentials,omitzero"`
}

// String hides the secrets.
func (session) String() string { return "(session)" }

// GoString hides the secrets too.
func (session) GoString() string { return "(session)" }

// sessionFile is the form of the file of a session: in clear, or sealed with AES-256-GCM.
type sessionFile struct {
	Version int      `json:"version"`
	Session *session `json:"session,omitempty"`
	Sealed  string   `json:"sealed,omitempty"`
}

const (
	sessionVersion = 1
	// maxSession bounds the file of a session, in bytes: some tokens of 50,000 bytes each.
	maxSession = 1 << 20
	sealingKey = 32 // bytes
	// lockPoll is the time between two attempts to get a lock.
	lockPoll = 50 * time.Millisecond
	// lockTime bounds the wait for another process, which renews for renewTime at most. It may be stopped.
	lockTime = 2 * renewTime
)

// errNoSession means that nobody has signed in.
var errNoSession = errors.New("nobody is signed in")

// sessionFolder has the session of a profile, its lock, and what a killed process has left.
func (c *Client) sessionFolder(name string) string {
	return filepath.Join(c.o.Folders.State, "sessions", name)
}

func (c *Client) sessionPath(name string) string {
	return filepath.Join(c.sessionFolder(name), "session.json")
}

// lock waits until this process alone may change the session of a profile. The lock ends with the
// process. Error: *BusyError if it is not free within wait.
func (c *Client) lock(ctx context.Context, name string, wait time.Duration) (release func(), err error) {
	if err := os.MkdirAll(c.sessionFolder(name), 0o700); err != nil {
		return nil, err
	}

	file := flock.New(filepath.Join(c.sessionFolder(name), "lock"), flock.SetPermissions(0o600))
	locked, err := file.TryLock()
	if err == nil && !locked && wait > 0 {
		waiting, cancel := context.WithTimeout(ctx, wait)
		defer cancel()

		locked, err = file.TryLockContext(waiting, lockPoll)
	}

	switch {
	case ctx.Err() != nil:
		if locked {
			_ = file.Unlock()
		}
		return nil, ctx.Err()
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("the lock of the profile %s: %w", name, err)
	case !locked:
		return nil, &BusyError{Profile: name}
	}

	// A process that was killed while it wrote has left a file with secrets.
	_ = wholefile.RemoveTemporary(c.sessionFolder(name))

	return func() { _ = file.Unlock() }, nil
}

// readSession returns the session of a profile. Errors: errNoSession; *SignInError if the session cannot
// be used.
func (c *Client) readSession(ctx context.Context, p Profile) (session, error) {
	path := c.sessionPath(p.Name)
	text, err := wholefile.Read(path, maxSession)
	if errors.Is(err, fs.ErrNotExist) {
		return session{}, errNoSession
	}
	if err != nil {
		return session{}, err
	}
	if err := errors.Join(checkMode(path), checkFolder(filepath.Dir(path))); err != nil {
		return session{}, err
	}

	var file sessionFile
	if json.Unmarshal(text, &file) != nil || file.Version != sessionVersion {
		return session{}, &SignInError{Profile: p.Name, Reason: path + " is not a session of this version"}
	}

	if file.Session == nil {
		s, err := c.unseal(ctx, p.Name, file.Sealed)
		if err != nil {
			return session{}, err
		}
		file.Session = &s
	}
	if file.Session.Binding != p.binding() {
		return session{}, &SignInError{Profile: p.Name, Reason: "its endpoint, pool, issuer or client was changed"}
	}

	return *file.Session, nil
}

// checkMode refuses a file that others may read, or made: somebody has copied or changed it.
func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s has mode %04o, so that others may read the session: run chmod 600, and sign in again if "+
			"somebody may have read it", path, mode)
	}

	return checkOwner(path, info)
}

// checkFolder refuses a folder in which others could replace files.
func checkFolder(folder string) error {
	for _, one := range []string{folder, filepath.Dir(folder)} {
		info, err := os.Stat(one)
		if err != nil || runtime.GOOS == "windows" {
			return err
		}
		if mode := info.Mode().Perm(); mode&0o022 != 0 {
			return fmt.Errorf("%s has mode %04o, so that others may replace sessions: run chmod 700", one, mode)
		}
		if err := checkOwner(one, info); err != nil {
			return err
		}
	}

	return nil
}

// writeSession keeps the session of a profile. The caller holds the lock.
func (c *Client) writeSession(ctx context.Context, p Profile, s session) error {
	if err := os.MkdirAll(c.sessionFolder(p.Name), 0o700); err != nil {
		return err
	}
	if err := checkFolder(c.sessionFolder(p.Name)); err != nil {
		return err
	}

	file := sessionFile{Version: sessionVersion}
	if p.Storage == StorageKeyring {
		sealed, err := c.seal(ctx, p.Name, s)
		if err != nil {
			return err
		}
		file.Sealed = sealed
	} else {
		file.Session = &s
	}

	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	if err := wholefile.ReplaceText(c.sessionPath(p.Name), append(text, '\n')); err != nil {
		return fmt.Errorf("the session of the profile %s cannot be written: %w", p.Name, err)
	}

	return nil
}

// SignedIn returns the names of all profiles with a session in order, also of those whose profile was removed.
func (c *Client) SignedIn() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(c.o.Folders.State, "sessions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}

	var names []string // ReadDir has sorted them
	for _, entry := range entries {
		if !profileName.MatchString(entry.Name()) {
			continue
		}
		if _, err := os.Lstat(c.sessionPath(entry.Name())); err == nil {
			names = append(names, entry.Name())
		}
	}

	return names, nil
}

// removeSession forgets the session of a profile. The lock file stays: another process may wait for it.
func (c *Client) removeSession(name string) error {
	err := os.Remove(c.sessionPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// seal encrypts a session under its key in the keyring, which it makes if there is none.
func (c *Client) seal(ctx context.Context, name string, s session) (string, error) {
	key, err := c.keyringKey(ctx, name)
	if errors.Is(err, ErrNoKey) {
		key = make([]byte, sealingKey)
		rand.Read(key)
		err = c.setKeyringKey(ctx, name, key)
	}
	if err != nil {
		return "", err
	}

	gcm, err := newGCM(key)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return "", err
	}

	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, nil, text, sealedFor(name))), nil
}

func (c *Client) unseal(ctx context.Context, name, sealed string) (session, error) {
	key, err := c.keyringKey(ctx, name)
	if errors.Is(err, ErrNoKey) {
		return session{}, &SignInError{Profile: name, Reason: "the key of its session is not in the keyring"}
	}
	if err != nil {
		return session{}, err
	}

	gcm, err := newGCM(key)
	if err != nil {
		return session{}, err
	}
	var s session
	text, err := base64.StdEncoding.DecodeString(sealed)
	if err == nil {
		text, err = gcm.Open(nil, nil, text, sealedFor(name))
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return session{}, &SignInError{Profile: name, Reason: "its session does not belong to the key in the keyring"}
	}

	return s, nil
}

// sealedFor binds a sealed session to its profile: the file of another profile does not open.
func sealedFor(name string) []byte { return []byte("poolhouse session 1 " + name) }

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
