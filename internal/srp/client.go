package srp

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
)

// Client is the client's side of one sign-in.
type Client struct {
	a      *big.Int // secret
	public *big.Int // A
}

// NewClient returns a client with a new secret.
func NewClient(random io.Reader) (*Client, error) {
	secret := make([]byte, secretBytes)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("a secret for SRP: %w", err)
	}
	a := new(big.Int).SetBytes(secret)

	return &Client{a: a, public: new(big.Int).Exp(generator, a, prime)}, nil
}

// Public returns SRP_A.
func (c *Client) Public() string { return c.public.Text(16) }

// Prove returns PASSWORD_CLAIM_SIGNATURE for a challenge with these values of USER_ID_FOR_SRP, SALT, SRP_B and the
// decoded SECRET_BLOCK, and for the text of TIMESTAMP. It returns ErrValue for values with which somebody between
// could know the key without the password (RFC 5054, section 2.5.3).
func (c *Client) Prove(
	poolID, userID, password, salt, public string, secretBlock []byte, timestamp string,
) (string, error) {
	key, err := c.key(poolID, userID, password, salt, public)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(proof(key, poolID, userID, secretBlock, timestamp)), nil
}

// key returns the key that both sides share if the password is right.
func (c *Client) key(poolID, userID, password, saltHex, publicHex string) ([]byte, error) {
	salt, err := readNumber("SALT", saltHex)
	if err != nil {
		return nil, err
	}
	if userID == "" {
		return nil, fmt.Errorf("%w: USER_ID_FOR_SRP is missing", ErrValue)
	}
	b, err := readValue("SRP_B", publicHex)
	if err != nil {
		return nil, err
	}
	u := new(big.Int).SetBytes(hashed(padded(c.public), padded(b)))
	if u.Sign() == 0 {
		return nil, fmt.Errorf("%w: SRP_B makes the scrambler zero", ErrValue)
	}

	// S = (B - k·g^x)^(a + u·x)
	x := exponentOf(salt, poolID, userID, password)
	base := new(big.Int).Exp(generator, x, prime)
	base.Mul(base, multiplier)
	base.Sub(b, base)
	base.Mod(base, prime)
	exponent := new(big.Int).Mul(u, x)
	exponent.Add(exponent, c.a)

	return derived(u, new(big.Int).Exp(base, exponent, prime)), nil
}
