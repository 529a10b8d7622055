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

// signIn has the secrets that a profile keeps of its last sign-in.
type signIn struct {
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
func (signIn) String() string { return "(sign-in)" }

// GoString hides the secrets too.
func (signIn) GoString() string { return "(sign-in)" }

// signInFile is the form of the file of a sign-in: in clear, or sealed with AES-256-GCM.
type signInFile struct {
	Version int     `json:"version"`
	SignIn  *signIn `json:"sign_in,omitempty"`
	Sealed  string  `json:"sealed,omitempty"`
}

const (
	signInVersion = 1
	// maxSignIn bounds the file of a sign-in, in bytes: some tokens of 50,000 bytes each.
	maxSignIn  = 1 << 20
	sealingKey = 32 // bytes
	// lockPoll is the time between two attempts to get a lock.
	lockPoll = 50 * time.Millisecond
	// lockTime bounds the wait for another process, which renews for renewTime at most. It may be stopped.
	lockTime = 2 * renewTime
)

// errNotSignedIn means that nobody has signed in.
var errNotSignedIn = errors.New("nobody is signed in")

// signInFolder has the sign-in of a profile, its lock, and what a killed process has left.
func (c *Client) signInFolder(name string) string {
	return filepath.Join(c.o.Folders.State, "sign-ins", name)
}

func (c *Client) signInPath(name string) string {
	return filepath.Join(c.signInFolder(name), "sign-in.json")
}

// lock waits until this process alone may change the sign-in of a profile. The lock ends with the
// process. Error: *BusyError if it is not free within wait.
func (c *Client) lock(ctx context.Context, name string, wait time.Duration) (release func(), err error) {
	if err := os.MkdirAll(c.signInFolder(name), 0o700); err != nil {
		return nil, err
	}

	file := flock.New(filepath.Join(c.signInFolder(name), "lock"), flock.SetPermissions(0o600))
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
	_ = wholefile.RemoveTemporary(c.signInFolder(name))

	return func() { _ = file.Unlock() }, nil
}

// readSignIn returns the sign-in of a profile. Errors: errNotSignedIn; *SignInError if the sign-in cannot
// be used.
func (c *Client) readSignIn(ctx context.Context, p Profile) (signIn, error) {
	path := c.signInPath(p.Name)
	text, err := wholefile.Read(path, maxSignIn)
	if errors.Is(err, fs.ErrNotExist) {
		return signIn{}, errNotSignedIn
	}
	if err != nil {
		return signIn{}, err
	}
	if err := errors.Join(checkMode(path), checkFolder(filepath.Dir(path))); err != nil {
		return signIn{}, err
	}

	var file signInFile
	if json.Unmarshal(text, &file) != nil || file.Version != signInVersion {
		return signIn{}, &SignInError{Profile: p.Name, Reason: path + " is not a sign-in of this version"}
	}

	if file.SignIn == nil {
		s, err := c.unseal(ctx, p.Name, file.Sealed)
		if err != nil {
			return signIn{}, err
		}
		file.SignIn = &s
	}
	if file.SignIn.Binding != p.binding() {
		return signIn{}, &SignInError{Profile: p.Name, Reason: "its endpoint, pool, issuer or client was changed"}
	}

	return *file.SignIn, nil
}

// checkMode refuses a file that others may read, or made: somebody has copied or changed it.
func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s has mode %04o, so that others may read the sign-in: run chmod 600, and sign in again if "+
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
			return fmt.Errorf("%s has mode %04o, so that others may replace sign-ins: run chmod 700", one, mode)
		}
		if err := checkOwner(one, info); err != nil {
			return err
		}
	}

	return nil
}

// writeSignIn keeps the sign-in of a profile. The caller holds the lock.
func (c *Client) writeSignIn(ctx context.Context, p Profile, s signIn) error {
	if err := os.MkdirAll(c.signInFolder(p.Name), 0o700); err != nil {
		return err
	}
	if err := checkFolder(c.signInFolder(p.Name)); err != nil {
		return err
	}

	file := signInFile{Version: signInVersion}
	if p.Storage == StorageKeyring {
		sealed, err := c.seal(ctx, p.Name, s)
		if err != nil {
			return err
		}
		file.Sealed = sealed
	} else {
		file.SignIn = &s
	}

	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	if err := wholefile.ReplaceText(c.signInPath(p.Name), append(text, '\n')); err != nil {
		return fmt.Errorf("the sign-in of the profile %s cannot be written: %w", p.Name, err)
	}

	return nil
}

// SignedIn returns the names of all profiles with a sign-in in order, also of those whose profile was removed.
func (c *Client) SignedIn() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(c.o.Folders.State, "sign-ins"))
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
		if _, err := os.Lstat(c.signInPath(entry.Name())); err == nil {
			names = append(names, entry.Name())
		}
	}

	return names, nil
}

// removeSignIn forgets the sign-in of a profile. The lock file stays: another process may wait for it.
func (c *Client) removeSignIn(name string) error {
	err := os.Remove(c.signInPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// seal encrypts a sign-in under its key in the keyring, which it makes if there is none.
func (c *Client) seal(ctx context.Context, name string, s signIn) (string, error) {
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

func (c *Client) unseal(ctx context.Context, name, sealed string) (signIn, error) {
	key, err := c.keyringKey(ctx, name)
	if errors.Is(err, ErrNoKey) {
		return signIn{}, &SignInError{Profile: name, Reason: "the key of its sign-in is not in the keyring"}
	}
	if err != nil {
		return signIn{}, err
	}

	gcm, err := newGCM(key)
	if err != nil {
		return signIn{}, err
	}
	var s signIn
	text, err := base64.StdEncoding.DecodeString(sealed)
	if err == nil {
		text, err = gcm.Open(nil, nil, text, sealedFor(name))
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return signIn{}, &SignInError{Profile: name, Reason: "its sign-in does not belong to the key in the keyring"}
	}

	return s, nil
}

// sealedFor binds a sealed sign-in to its profile: the file of another profile does not open.
func sealedFor(name string) []byte { return []byte("poolhouse sign-in 1 " + name) }

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
