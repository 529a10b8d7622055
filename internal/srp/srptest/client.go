// Package srptest has the client's side of USER_SRP_AUTH for tests, as Amplify, amazon-cognito-identity-js and
// pycognito compute it. It shares no code with package srp.
package srptest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// primeHex is the prime of the 3072-bit group (RFC 3526, section 4).
const primeHex = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
	"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
	"83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
	"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510" +
	"15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
	"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C" +
	"BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF"

var (
	prime, _  = new(big.Int).SetString(primeHex, 16)
	generator = big.NewInt(2)
)

// Client is one sign-in of a client.
type Client struct {
	secret *big.Int
	public *big.Int
}

// NewClient returns a client with a random secret.
func NewClient(t *testing.T) *Client {
	t.Helper()
	secret := make([]byte, 128)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	return ClientOf(new(big.Int).SetBytes(secret))
}

// ClientOf returns a client with a secret.
func ClientOf(secret *big.Int) *Client {
	return &Client{secret: secret, public: new(big.Int).Exp(generator, secret, prime)}
}

// A returns SRP_A.
func (c *Client) A() string { return c.public.Text(16) }

// Signature returns PASSWORD_CLAIM_SIGNATURE for a challenge with these values of SALT, SRP_B and the decoded
// SECRET_BLOCK.
func (c *Client) Signature(
	t *testing.T, poolID, userID, password, salt, public string, block []byte, timestamp string,
) string {
	t.Helper()
	_, pool, _ := strings.Cut(poolID, "_")
	key := c.key(t, pool+userID, password, salt, public)
	message := slices.Concat([]byte(pool), []byte(userID), block, []byte(timestamp))

	return base64.StdEncoding.EncodeToString(authenticated(key, message))
}

// key computes the shared key: S = (B - k·g^x)^(a + u·x).
func (c *Client) key(t *testing.T, name, password, salt, public string) []byte {
	t.Helper()
	saltNumber, saltOK := new(big.Int).SetString(salt, 16)
	b, ok := new(big.Int).SetString(public, 16)
	if !ok || !saltOK {
		t.Fatalf("SALT %q and SRP_B %q are not hexadecimal", salt, public)
	}

	k := new(big.Int).SetBytes(hashed(padded(prime), padded(generator)))
	x := new(big.Int).SetBytes(hashed(padded(saltNumber), hashed([]byte(name+":"+password))))
	u := new(big.Int).SetBytes(hashed(padded(c.public), padded(b)))

	base := new(big.Int).Exp(generator, x, prime)
	base.Mul(base, k)
	base.Sub(b, base)
	base.Mod(base, prime)
	exponent := new(big.Int).Mul(u, x)
	exponent.Add(exponent, c.secret)
	s := new(big.Int).Exp(base, exponent, prime)

	extracted := authenticated(padded(u), padded(s))

	return authenticated(extracted, []byte("Caldera Derived Key\x01"))[:16]
}

// padded returns n as a signed number, big endian.
func padded(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) == 0 || b[0] >= 0x80 {
		return append([]byte{0}, b...)
	}
	return b
}

func hashed(parts ...[]byte) []byte {
	sum := sha256.Sum256(slices.Concat(parts...))
	return sum[:]
}

func authenticated(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)

	return h.Sum(nil)
}
