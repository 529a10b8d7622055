package clilogin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/zalando/go-keyring"
)

// Keyring keeps short secrets by name. Keyrings are slow and may ask the person to unlock them.
//
// Only a key of 32 bytes per profile is there, and the sign-in is encrypted under it in a file: Windows
// takes at most 2,560 bytes and macOS about 3,000, and the tokens of a user pool alone are larger.
type Keyring interface {
	// Get returns a secret. Error: ErrNoKey.
	Get(name string) (string, error)
	Set(name, secret string) error
	// Delete removes a secret. Error: ErrNoKey.
	Delete(name string) error
}

// ErrNoKey means that the keyring has no secret of the name.
var ErrNoKey = errors.New("the keyring has no such key")

// keyringTime bounds one use of the keyring. A person may have to unlock it.
const keyringTime = time.Minute

// SystemKeyring is the keyring of the system: Keychain, Credential Manager or Secret Service.
type SystemKeyring struct{}

const keyringService = "poolhouse"

// Get implements Keyring.
func (SystemKeyring) Get(name string) (string, error) {
	secret, err := keyring.Get(keyringService, name)
	return secret, noKey(err)
}

// Set implements Keyring.
func (SystemKeyring) Set(name, secret string) error { return keyring.Set(keyringService, name, secret) }

// Delete implements Keyring.
func (SystemKeyring) Delete(name string) error { return noKey(keyring.Delete(keyringService, name)) }

func noKey(err error) error {
	if errors.Is(err, keyring.ErrNotFound) {
		return ErrNoKey
	}
	return err
}

// probeName is the name under which a login looks whether a keyring can be used at all.
const probeName = "probe"

// keyringWorks reports whether the keyring keeps a secret. Some can be read, and have no place to write.
func (c *Client) keyringWorks(ctx context.Context) bool {
	if c.o.Keyring == nil {
		return false
	}
	_, err := within(ctx, func() (string, error) {
		if err := c.o.Keyring.Set(probeName, probeName); err != nil {
			return "", err
		}
		return "", c.o.Keyring.Delete(probeName)
	})

	return err == nil
}

func (c *Client) keyringKey(ctx context.Context, name string) ([]byte, error) {
	if c.o.Keyring == nil {
		return nil, fmt.Errorf("the key of the profile %[1]s is in the system's keyring, and there is none here: run "+
			"`poolhouse login --profile %[1]s --storage file`", name)
	}

	secret, err := within(ctx, func() (string, error) { return c.o.Keyring.Get("profile " + name) })
	if errors.Is(err, ErrNoKey) {
		return nil, ErrNoKey
	}
	if err != nil {
		return nil, fmt.Errorf("the system's keyring: %w; unlock it, or use "+
			"`poolhouse login --profile %s --storage file`", err, name)
	}

	key, err := base64.StdEncoding.DecodeString(secret)
	if err != nil || len(key) != sealingKey {
		return nil, ErrNoKey
	}

	return key, nil
}

func (c *Client) setKeyringKey(ctx context.Context, name string, key []byte) error {
	_, err := within(ctx, func() (string, error) {
		return "", c.o.Keyring.Set("profile "+name, base64.StdEncoding.EncodeToString(key))
	})
	if err != nil {
		return fmt.Errorf("the system's keyring: %w", err)
	}

	return nil
}

// deleteKeyringKey forgets the key of a profile; without it nobody can read the sign-in.
func (c *Client) deleteKeyringKey(ctx context.Context, name string) error {
	if c.o.Keyring == nil {
		return nil
	}
	_, err := within(ctx, func() (string, error) { return "", c.o.Keyring.Delete("profile " + name) })
	if errors.Is(err, ErrNoKey) {
		return nil
	}

	return err
}

// within bounds a call of the keyring, which knows no context.
func within(ctx context.Context, use func() (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, keyringTime)
	defer cancel()

	type answer struct {
		secret string
		err    error
	}

	answered := make(chan answer, 1)
	go func() {
		secret, err := use()
		answered <- answer{secret, err}
	}()

	select {
	case a := <-answered:
		return a.secret, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("the keyring does not answer: %w", ctx.Err())
	}
}
