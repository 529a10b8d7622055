package devuserpool

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

// The parameters of USER_SRP_AUTH: SRP-6a (RFC 5054) with the 3072-bit group of RFC 3526,
// SHA-256, and Amazon's own key derivation and proof. AWS publishes them in its clients only.
const (
	srpPrimeHex = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
		"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
		"83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
		"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510" +
		"15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
		"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C" +
		"BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"
	srpSaltBytes   = 16
	srpSecretBytes = 32 // of b; RFC 5054, section 2.5.3, asks for at least 256 bits
	srpKeyBytes    = 16
	srpKeyInfo     = "Caldera Derived Key"

	// srpMaxHex bounds SRP_A: the hexadecimal digits of a number below the prime.
	srpMaxHex = 768
)

var (
	srpPrime      = mustHex(srpPrimeHex)
	srpGenerator  = big.NewInt(2)
	srpMultiplier = new(big.Int).SetBytes(hashed(padded(srpPrime), padded(srpGenerator)))
)

// errSRP means that a client's SRP value cannot be part of a sign-in.
var errSRP = errors.New("invalid SRP value")

func mustHex(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 16)
	if !ok {
		panic("devuserpool: the SRP prime is not hexadecimal")
	}
	return n
}

// padded returns n as the clients hash it: big endian, with a zero byte in front if the first
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

// srpVerifier proves a password that the server does not keep.
type srpVerifier struct {
	salt     []byte
	verifier []byte
}

// newVerifier returns a verifier with a new salt. userID is the USER_ID_FOR_SRP, which must
// never change: it is part of the verifier.
func newVerifier(random io.Reader, poolID, userID, password string) (srpVerifier, error) {
	salt := make([]byte, srpSaltBytes)
	if _, err := io.ReadFull(random, salt); err != nil {
		return srpVerifier{}, fmt.Errorf("a salt for a password: %w", err)
	}
	return srpVerifier{salt: salt, verifier: verifierOf(salt, poolID, userID, password)}, nil
}

// verifierOf returns g^x of a password.
func verifierOf(salt []byte, poolID, userID, password string) []byte {
	inner := hashed([]byte(poolName(poolID)), []byte(userID), []byte(":"), []byte(password))
	x := new(big.Int).SetBytes(hashed(padded(new(big.Int).SetBytes(salt)), inner))
	return new(big.Int).Exp(srpGenerator, x, srpPrime).Bytes()
}

// matches reports whether the password belongs to the verifier. A verifier without salt is of
// no password; the work is the same.
func (v srpVerifier) matches(poolID, userID, password string) bool {
	same := subtle.ConstantTimeCompare(v.verifier, verifierOf(v.salt, poolID, userID, password))
	return same == 1 && len(v.salt) > 0
}

// simulatedVerifier returns the verifier that an unknown user seems to have: the same for the
// same name (RFC 5054, section 2.5.1.3), and with no password that anybody knows.
func simulatedVerifier(secret []byte, userID string) srpVerifier {
	v := new(big.Int)
	for n := byte(0); v.BitLen() < srpPrime.BitLen(); n++ {
		v.Lsh(v, 8*sha256.Size)
		v.Or(v, new(big.Int).SetBytes(authenticated(secret, []byte{'v', n}, []byte(userID))))
	}

	return srpVerifier{
		salt:     authenticated(secret, []byte{'s'}, []byte(userID))[:srpSaltBytes],
		verifier: v.Mod(v, srpPrime).Bytes(),
	}
}

// poolName is the part of a pool ID that SRP uses: what follows the region.
func poolName(poolID string) string {
	_, name, _ := strings.Cut(poolID, "_")
	return name
}

// srpExchange is the server's side of one sign-in, between the client's A and its proof.
type srpExchange struct {
	salt     []byte
	verifier *big.Int
	a        *big.Int // public, the client's
	b        *big.Int // secret
	public   *big.Int // B
}

// newExchange answers a client's SRP_A. It returns errSRP for a value that would make the key
// independent of the password (RFC 5054, section 2.5.4).
func newExchange(random io.Reader, v srpVerifier, clientA string) (*srpExchange, error) {
	a, err := srpValue(clientA)
	if err != nil {
		return nil, err
	}

	for {
		secret := make([]byte, srpSecretBytes)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, fmt.Errorf("a secret for SRP: %w", err)
		}
		e := &srpExchange{
			salt:     v.salt,
			verifier: new(big.Int).SetBytes(v.verifier),
			a:        a,
			b:        new(big.Int).SetBytes(secret),
		}

		// B = k·v + g^b
		e.public = new(big.Int).Exp(srpGenerator, e.b, srpPrime)
		e.public.Add(e.public, new(big.Int).Mul(srpMultiplier, e.verifier))
		e.public.Mod(e.public, srpPrime)

		if e.public.Sign() != 0 && e.scrambler().Sign() != 0 {
			return e, nil
		}
	}
}

// srpValue reads a hexadecimal number that is not a multiple of the prime.
func srpValue(text string) (*big.Int, error) {
	if text == "" || len(text) > srpMaxHex {
		return nil, fmt.Errorf("%w: SRP_A has %d characters, not 1 to %d", errSRP, len(text), srpMaxHex)
	}

	for _, r := range text {
		if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return nil, fmt.Errorf("%w: SRP_A is not hexadecimal", errSRP)
		}
	}

	a, _ := new(big.Int).SetString(text, 16)
	if new(big.Int).Mod(a, srpPrime).Sign() == 0 {
		return nil, fmt.Errorf("%w: SRP_A is a multiple of the prime", errSRP)
	}

	return a, nil
}

// scrambler returns u.
func (e *srpExchange) scrambler() *big.Int {
	return new(big.Int).SetBytes(hashed(padded(e.a), padded(e.public)))
}

// challenge returns SALT and SRP_B.
func (e *srpExchange) challenge() (salt, public string) {
	return new(big.Int).SetBytes(e.salt).Text(16), e.public.Text(16)
}

// key returns the key that client and server share if the client knows the password.
func (e *srpExchange) key() []byte {
	u := e.scrambler()

	// S = (A·v^u)^b
	s := new(big.Int).Exp(e.verifier, u, srpPrime)
	s.Mul(s, e.a)
	s.Exp(s.Mod(s, srpPrime), e.b, srpPrime)

	// HKDF (RFC 5869) with one block.
	extracted := authenticated(padded(u), padded(s))

	return authenticated(extracted, []byte(srpKeyInfo), []byte{1})[:srpKeyBytes]
}

// proof returns the client's PASSWORD_CLAIM_SIGNATURE for a key. secretBlock is the decoded
// PASSWORD_CLAIM_SECRET_BLOCK, timestamp the text of TIMESTAMP as it came.
func proof(key []byte, poolID, userID string, secretBlock []byte, timestamp string) []byte {
	return authenticated(key, []byte(poolName(poolID)), []byte(userID), secretBlock, []byte(timestamp))
}

// proven reports whether signature, in Base64, is the proof of the password.
func (e *srpExchange) proven(poolID, userID string, secretBlock []byte, timestamp, signature string) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	want := proof(e.key(), poolID, userID, secretBlock, timestamp)
	return err == nil && hmac.Equal(given, want)
}
