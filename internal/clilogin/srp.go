package clilogin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"
)

// The client's side of USER_SRP_AUTH: SRP-6a (RFC 5054) with the 3072-bit group of RFC 3526, SHA-256,
// and Amazon's own key derivation and proof, which AWS publishes in its clients only.
const (
	srpPrimeHex = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
		"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
		"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
		"83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
		"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510" +
		"15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
		"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C" +
		"BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"
	srpSecretBytes = 32 // of a; RFC 5054, section 2.5.4, asks for at least 256 bits
	srpKeyBytes    = 16
	srpKeyInfo     = "Caldera Derived Key"
	srpMaxHex      = 768 // digits of a number below the prime
)

var (
	srpPrime      = mustHex(srpPrimeHex)
	srpGenerator  = big.NewInt(2)
	srpMultiplier = new(big.Int).SetBytes(hashed(padded(srpPrime), padded(srpGenerator)))
)

func mustHex(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 16)
	if !ok {
		panic("clilogin: the SRP prime is not hexadecimal")
	}
	return n
}

// padded returns n as both sides hash it: big endian, with a zero byte in front if the first bit is set.
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

// poolName is the part of a user pool's ID that SRP uses: what follows the region.
func poolName(poolID string) string {
	_, name, _ := strings.Cut(poolID, "_")
	return name
}

// srpClient is one sign-in.
type srpClient struct {
	secret *big.Int // a
	value  *big.Int // A
}

func newSRPClient() *srpClient {
	secret := make([]byte, srpSecretBytes)
	rand.Read(secret)
	a := new(big.Int).SetBytes(secret)

	return &srpClient{secret: a, value: new(big.Int).Exp(srpGenerator, a, srpPrime)}
}

// public returns SRP_A.
func (c *srpClient) public() string { return c.value.Text(16) }

func srpFault(what string) error {
	return untrusted("the user pool's answer cannot be part of a sign-in: %s", what)
}

// key returns the key that both sides share if the password is right. It refuses values with which
// somebody between could know the key without the password (RFC 5054, section 2.5.3).
func (c *srpClient) key(poolID, userID, password, saltHex, publicHex string) ([]byte, error) {
	salt, ok := srpNumber(saltHex)
	if !ok || userID == "" {
		return nil, srpFault("SALT or USER_ID_FOR_SRP is missing")
	}
	public, ok := srpNumber(publicHex)
	if !ok || new(big.Int).Mod(public, srpPrime).Sign() == 0 {
		return nil, srpFault("SRP_B is not a number of the group")
	}
	u := new(big.Int).SetBytes(hashed(padded(c.value), padded(public)))
	if u.Sign() == 0 {
		return nil, srpFault("SRP_B makes the scrambler zero")
	}

	inner := hashed([]byte(poolName(poolID)), []byte(userID), []byte(":"), []byte(password))
	x := new(big.Int).SetBytes(hashed(padded(salt), inner))

	// S = (B - k·g^x)^(a + u·x)
	base := new(big.Int).Exp(srpGenerator, x, srpPrime)
	base.Mul(base, srpMultiplier)
	base.Sub(public, base)
	base.Mod(base, srpPrime)
	exponent := new(big.Int).Mul(u, x)
	exponent.Add(exponent, c.secret)
	shared := new(big.Int).Exp(base, exponent, srpPrime)

	// HKDF (RFC 5869) with one block.
	extracted := authenticated(padded(u), padded(shared))

	return authenticated(extracted, []byte(srpKeyInfo), []byte{1})[:srpKeyBytes], nil
}

// srpNumber reads a hexadecimal number of a bounded size.
func srpNumber(text string) (*big.Int, bool) {
	if text == "" || len(text) > srpMaxHex || strings.Trim(text, "0123456789abcdefABCDEF") != "" {
		return nil, false
	}
	return new(big.Int).SetString(text, 16)
}
