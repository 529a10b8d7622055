// Package keys has the private keys that servers for tests begin with, because RSA keys take long to make.
// Go's rule for internal packages keeps them out of every program that does not import poolhousetest.
// Package testkeys has their fingerprints, by which all other servers refuse them.
package keys

import (
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/poolhouse-id/poolhouse/internal/testkeys"
)

// text has PKCS #8 keys of 2048 bits from `openssl genpkey -algorithm RSA`. The type of the blocks tells
// readers, and programs that search for leaked keys, that they are no secret.
//
//go:embed keys.pem
var text []byte

// Foreign is the number of keys at the end of the list that NewMaker never gives out. Tests sign with them
// as somebody other than the server.
const Foreign = 4

// parsed returns all keys. It reads each once.
var parsed = sync.OnceValue(func() []func() (*rsa.PrivateKey, error) {
	var all []func() (*rsa.PrivateKey, error)
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		all = append(all, sync.OnceValues(func() (*rsa.PrivateKey, error) { return parse(block.Bytes) }))
	}
})

func parse(der []byte) (*rsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("a test key: %w", err)
	}
	private, isRSA := key.(*rsa.PrivateKey)
	if !isRSA {
		return nil, fmt.Errorf("a test key is a %T", key)
	}

	return private, nil
}

// NewMaker returns a function that gives out a different key each time, and generates one when there is
// none left. Each server has one. It is safe for concurrent use.
func NewMaker() testkeys.Maker {
	var given atomic.Int64

	return func() (*rsa.PrivateKey, error) {
		n := given.Add(1) - 1
		if n >= int64(len(parsed())-Foreign) {
			return testkeys.Maker(nil).New()
		}
		return parsed()[n]()
	}
}

// ForeignKey returns one of the keys that no server has, 0 <= n < Foreign.
func ForeignKey(n int) (*rsa.PrivateKey, error) { return parsed()[len(parsed())-1-n]() }
