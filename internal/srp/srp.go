// Package srp has both sides of USER_SRP_AUTH: SRP-6a (RFC 5054) with the 3072-bit group of RFC 3526,
// SHA-256, and Amazon's own key derivation and proof. AWS publishes them in its clients only. The package keeps
// no state.
package srp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
)

const (
	// PrimeHex is the prime of the group, in hexadecimal.
	PrimeHex = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
		"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
		"83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
		"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510" +
		"15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
		"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C" +
		"BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"
	saltBytes   = 16
	secretBytes = 32 // of a and b; RFC 5054, sections 2.5.3 and 2.5.4, asks for at least 256 bits
	keyBytes    = 16
	keyInfo     = "Caldera Derived Key"

	// maxHex bounds what the other side sends: the hexadecimal digits of a number below the prime.
	maxHex = 768
)

var (
	prime      = mustHex(PrimeHex)
	generator  = big.NewInt(2)
	multiplier = new(big.Int).SetBytes(hashed(padded(prime), padded(generator)))
)

// ErrValue means that what the other side sent cannot be part of a sign-in.
var ErrValue = errors.New("invalid SRP value")

func mustHex(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 16)
	if !ok {
		panic("srp: the prime is not hexadecimal")
	}
	return n
}

// padded returns n as both sides hash it: big endian, with a zero byte in front if the first
// bit is set, as in a signed number.
func padded(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) == 0 || b[0] >= 0x80 {
		return append([]byte{0}, b...)
	}
	return b
}

func hashed(parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

func authenticated(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// Verifier proves a password that the server does not keep.
type Verifier struct {
	Salt  []byte
	Value []byte // g^x
}

// NewVerifier returns a verifier with a new salt. userID is the USER_ID_FOR_SRP, which must
// never change: it is part of the verifier.
func NewVerifier(random io.Reader, poolID, userID, password string) (Verifier, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(random, salt); err != nil {
		return Verifier{}, fmt.Errorf("a salt for a password: %w", err)
	}
	return Verifier{Salt: salt, Value: valueOf(salt, poolID, userID, password)}, nil
}

// valueOf returns g^x of a password.
func valueOf(salt []byte, poolID, userID, password string) []byte {
	x := exponentOf(new(big.Int).SetBytes(salt), poolID, userID, password)
	return new(big.Int).Exp(generator, x, prime).Bytes()
}

// exponentOf returns x of a password.
func exponentOf(salt *big.Int, poolID, userID, password string) *big.Int {
	inner := hashed([]byte(poolName(poolID)), []byte(userID), []byte(":"), []byte(password))
	return new(big.Int).SetBytes(hashed(padded(salt), inner))
}

// Matches reports whether the password belongs to the verifier. A verifier without salt is of
// no password; the work is the same.
func (v Verifier) Matches(poolID, userID, password string) bool {
	same := subtle.ConstantTimeCompare(v.Value, valueOf(v.Salt, poolID, userID, password))
	return same == 1 && len(v.Salt) > 0
}

// SimulatedVerifier returns the verifier that an unknown user seems to have: the same for the
// same name (RFC 5054, section 2.5.1.3), and with no password that anybody knows.
func SimulatedVerifier(secret []byte, userID string) Verifier {
	v := new(big.Int)
	for n := byte(0); v.BitLen() < prime.BitLen(); n++ {
		v.Lsh(v, 8*sha256.Size)
		v.Or(v, new(big.Int).SetBytes(authenticated(secret, []byte{'v', n}, []byte(userID))))
	}

	return Verifier{
		Salt:  authenticated(secret, []byte{'s'}, []byte(userID))[:saltBytes],
		Value: v.Mod(v, prime).Bytes(),
	}
}

// poolName is the part of a pool ID that SRP uses: what follows the region.
func poolName(poolID string) string {
	_, name, _ := strings.Cut(poolID, "_")
	return name
}

// Exchange is the server's side of one sign-in, between the client's A and its proof.
type Exchange struct {
	salt     []byte
	verifier *big.Int
	a        *big.Int // public, the client's
	b        *big.Int // secret
	public   *big.Int // B
}

// NewExchange answers a client's SRP_A. It returns ErrValue for a value that would make the key
// independent of the password (RFC 5054, section 2.5.4).
func NewExchange(random io.Reader, v Verifier, clientA string) (*Exchange, error) {
	a, err := readValue("SRP_A", clientA)
	if err != nil {
		return nil, err
	}

	for {
		secret := make([]byte, secretBytes)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, fmt.Errorf("a secret for SRP: %w", err)
		}
		e := &Exchange{
			salt:     v.Salt,
			verifier: new(big.Int).SetBytes(v.Value),
			a:        a,
			b:        new(big.Int).SetBytes(secret),
		}

		// B = k·v + g^b
		e.public = new(big.Int).Exp(generator, e.b, prime)
		e.public.Add(e.public, new(big.Int).Mul(multiplier, e.verifier))
		e.public.Mod(e.public, prime)

		if e.public.Sign() != 0 && e.scrambler().Sign() != 0 {
			return e, nil
		}
	}
}

// readNumber reads a hexadecimal number of a bounded size.
func readNumber(name, text string) (*big.Int, error) {
	if text == "" || len(text) > maxHex {
		return nil, fmt.Errorf("%w: %s has %d characters, not 1 to %d", ErrValue, name, len(text), maxHex)
	}

	for _, r := range text {
		if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return nil, fmt.Errorf("%w: %s is not hexadecimal", ErrValue, name)
		}
	}

	n, _ := new(big.Int).SetString(text, 16)

	return n, nil
}

// readValue reads a hexadecimal number that is not a multiple of the prime.
func readValue(name, text string) (*big.Int, error) {
	n, err := readNumber(name, text)
	if err != nil {
		return nil, err
	}
	if new(big.Int).Mod(n, prime).Sign() == 0 {
		return nil, fmt.Errorf("%w: %s is a multiple of the prime", ErrValue, name)
	}

	return n, nil
}

// scrambler returns u.
func (e *Exchange) scrambler() *big.Int {
	return new(big.Int).SetBytes(hashed(padded(e.a), padded(e.public)))
}

// Challenge returns SALT and SRP_B.
func (e *Exchange) Challenge() (salt, public string) {
	return new(big.Int).SetBytes(e.salt).Text(16), e.public.Text(16)
}

// key returns the key that client and server share if the client knows the password.
func (e *Exchange) key() []byte {
	u := e.scrambler()

	// S = (A·v^u)^b
	s := new(big.Int).Exp(e.verifier, u, prime)
	s.Mul(s, e.a)
	s.Exp(s.Mod(s, prime), e.b, prime)

	return derived(u, s)
}

// derived returns the key of a shared secret: HKDF (RFC 5869) with one block.
func derived(u, s *big.Int) []byte {
	extracted := authenticated(padded(u), padded(s))
	return authenticated(extracted, []byte(keyInfo), []byte{1})[:keyBytes]
}

// proof returns the client's PASSWORD_CLAIM_SIGNATURE for a key. secretBlock is the decoded
// PASSWORD_CLAIM_SECRET_BLOCK, timestamp the text of TIMESTAMP as it came.
func proof(key []byte, poolID, userID string, secretBlock []byte, timestamp string) []byte {
	return authenticated(key, []byte(poolName(poolID)), []byte(userID), secretBlock, []byte(timestamp))
}

// Proves reports whether signature, in Base64, is the proof of the password.
func (e *Exchange) Proves(poolID, userID string, secretBlock []byte, timestamp, signature string) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	want := proof(e.key(), poolID, userID, secretBlock, timestamp)
	return err == nil && hmac.Equal(given, want)
}
