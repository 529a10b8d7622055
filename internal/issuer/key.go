package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
)

const rsaBits = 2048 // AWS's; NIST SP 800-57 part 1 accepts it until 2030

// endless is the end of a certificate without one (RFC 5280, section 4.1.2.5). The key
// document decides when a key ends.
var endless = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// key is a stored key, opened.
type key struct {
	row         store.Key
	private     crypto.Signer // nil once it no longer signs
	public      crypto.PublicKey
	certificate *x509.Certificate
	header      string // base64url of the JOSE header, with the dot behind it
}

// generate makes a private key; rsaKeys makes those for RSA.
func generate(algorithm string, rsaKeys testkeys.Maker) (crypto.Signer, error) {
	switch algorithm {
	case RS256, RS512:
		return rsaKeys.New()
	case ES256, ES384:
		return ecdsa.GenerateKey(curves[algorithm], rand.Reader)
	default:
		return nil, fmt.Errorf("unknown algorithm %q", algorithm)
	}
}

// curves has the curves of the algorithms with elliptic curves (RFC 7518, section 3.4).
var curves = map[string]elliptic.Curve{ES256: elliptic.P256(), ES384: elliptic.P384()}

// fits reports whether a key may be used with an algorithm.
func fits(public crypto.PublicKey, algorithm string) bool {
	switch p := public.(type) {
	case *rsa.PublicKey:
		return (algorithm == RS256 || algorithm == RS512) && p.Size() == rsaBits/8
	case *ecdsa.PublicKey:
		return p.Curve == curves[algorithm]
	default:
		return false
	}
}

// newRow makes a row for a new private key, to add to rows. Its public half is stored as
// the self-signed certificate that x5c carries. The ID is region + number, as AWS writes
// the IDs of keys for Cognito tokens, and a part of the public half's hash; the number is also
// the certificate's serial number. The key with the highest number never leaves the store, so the
// number after it is new, also under another region. A store that was restored may have lost higher
// numbers: the hash then keeps the ID of a key that verifiers have cached from being used again.
func (i *Issuer) newRow(
	private crypto.Signer, algorithm string, rows []store.Key, now, signsFrom time.Time,
) (store.Key, error) {
	number := int64(0)
	for _, r := range rows {
		certificate, err := x509.ParseCertificate(r.Public)
		if err != nil {
			return store.Key{}, fmt.Errorf("signing key %s: its certificate: %w", r.ID, err)
		}
		number = max(number, certificate.SerialNumber.Int64())
	}
	number++

	at, err := url.Parse(i.options.URL)
	if err != nil {
		return store.Key{}, err
	}

	template := &x509.Certificate{
		SerialNumber: big.NewInt(number),
		Subject:      pkix.Name{CommonName: at.Host[:min(len(at.Host), 64)]}, // X.520 allows 64 characters
		URIs:         []*url.URL{at},
		NotBefore:    earlier(signsFrom, now.Add(-i.timing.margin)),
		NotAfter:     endless,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return store.Key{}, fmt.Errorf("making a certificate: %w", err)
	}

	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return store.Key{}, fmt.Errorf("encoding a signing key: %w", err)
	}

	suffix, err := i.options.idSuffix(private.Public())
	if err != nil {
		return store.Key{}, err
	}

	row := store.Key{
		Purpose:   i.profile.Purpose,
		ID:        i.profile.KeyIDs + strconv.FormatInt(number, 10) + suffix,
		Algorithm: algorithm,
		Public:    der,
		Created:   now,
		NotBefore: signsFrom,
	}
	row.Sealed = i.options.Sealer.Seal(pkcs8, sealedFor(row))

	return row, nil
}

// idHash is how many bytes of the public half's hash are in a key's ID.
const idHash = 8

// idSuffix returns the end of a key's ID, which no other key has.
func idSuffix(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encoding a public key: %w", err)
	}
	sum := sha256.Sum256(der)

	return "-" + hex.EncodeToString(sum[:idHash]), nil
}

// SealPlace returns the place that the sealed private half of a signing key is bound to.
// It returns false if the key has another purpose; the place is right for keys of other profiles, too.
func SealPlace(r store.Key) (string, bool) {
	return sealedFor(r), r.Purpose == purpose
}

// sealedFor returns the place that a sealed private key is bound to. It includes the
// public half, and stays when the private key is erased. So nobody who can write to the
// database but lacks the master key can get a key published and trusted, not even the key of
// another issuer.
func sealedFor(r store.Key) string {
	sum := sha256.Sum256(r.Public)
	place := "signing-key/"
	if r.Purpose != purpose {
		place = r.Purpose + "/"
	}

	return place + r.ID + "/" + r.Algorithm + "/" + hex.EncodeToString(sum[:])
}

// openAll opens rows. It reuses keys of the current set that have not changed.
func (i *Issuer) openAll(rows []store.Key) ([]*key, error) {
	var known []*key
	if set := i.keys.Load(); set != nil {
		known = set.all
	}

	keys := make([]*key, 0, len(rows))
	for _, r := range rows {
		var k *key
		if n := slices.IndexFunc(known, func(k *key) bool { return k.sameMaterial(r) }); n >= 0 {
			reused := *known[n]
			reused.row = r
			k = &reused
		} else {
			var err error
			if k, err = i.open(r); err != nil {
				return nil, fmt.Errorf("signing key %s: %w", r.ID, err)
			}
		}

		keys = append(keys, k)
	}

	return keys, nil
}

func (k *key) sameMaterial(r store.Key) bool {
	return k.row.ID == r.ID && k.row.Algorithm == r.Algorithm &&
		slices.Equal(k.row.Sealed, r.Sealed) && slices.Equal(k.row.Public, r.Public)
}

func (i *Issuer) open(r store.Key) (*key, error) {
	pkcs8, err := i.options.Sealer.Open(r.Sealed, sealedFor(r))
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(r.Public)
	if err != nil {
		return nil, fmt.Errorf("its certificate: %w", err)
	}
	if !fits(certificate.PublicKey, r.Algorithm) {
		return nil, fmt.Errorf("its algorithm %q is not one of this version for a %s key",
			r.Algorithm, certificate.PublicKeyAlgorithm)
	}

	if err := i.options.Keys.Check(certificate.PublicKey); err != nil {
		return nil, fmt.Errorf("it is %w: start over with another database", err)
	}

	k := &key{
		row:         r,
		public:      certificate.PublicKey,
		certificate: certificate,
		header:      encodeHeader(r.ID, i.profile.TokenType, r.Algorithm),
	}
	if len(pkcs8) == 0 { // erased
		return k, nil
	}

	private, err := x509.ParsePKCS8PrivateKey(pkcs8) // precomputes what signing needs
	if err != nil {
		return nil, err
	}
	signer, ok := private.(crypto.Signer)
	if !ok || !k.hasHalf(signer) {
		return nil, fmt.Errorf("its halves do not belong together")
	}
	k.private = signer

	return k, nil
}

// hasHalf reports whether private belongs to the public half.
func (k *key) hasHalf(private crypto.Signer) bool {
	public, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(private.Public())
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
