package devuserpool

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/srp"
)

// passwordSymbols are the special characters of password policies (developer guide, "Adding user pool
// password requirements"). A space counts too, but not at either end.
const passwordSymbols = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= "

const (
	lowercase = "abcdefghijklmnopqrstuvwxyz"
	uppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits    = "0123456789"
)

// passwordPolicy returns the pool's policy, with AWS's defaults filled in.
func (p *Pool) passwordPolicy() PasswordPolicyType { return *p.Settings.Policies.PasswordPolicy }

// leastPassword is the shortest password that a policy may allow, in characters.
const leastPassword = 6

// checkPassword refuses a password that the pool's policy does not allow (InvalidPasswordException).
func (p *Pool) checkPassword(password string) error {
	policy := p.passwordPolicy()
	least := max(leastPassword, *policy.MinimumLength)

	switch {
	case utf8.RuneCountInString(password) < least:
		return awsapi.Refused(invalidPassword, passwordPolicy.With("rule", "it is too short"),
			"Password did not conform with policy: Password not long enough")
	case strings.TrimSpace(password) != password:
		return awsapi.Refused(invalidPassword, passwordPolicy.With("rule", "a space begins or ends it"),
			"Password did not conform with policy: Password must not start or end with a space")
	case isTrue(policy.RequireUppercase) && !strings.ContainsAny(password, uppercase):
		return awsapi.Refused(invalidPassword, passwordPolicy.With("rule", "it has no upper-case letter"),
			"Password did not conform with policy: Password must have uppercase characters")
	case isTrue(policy.RequireLowercase) && !strings.ContainsAny(password, lowercase):
		return awsapi.Refused(invalidPassword, passwordPolicy.With("rule", "it has no lower-case letter"),
			"Password did not conform with policy: Password must have lowercase characters")
	case isTrue(policy.RequireNumbers) && !strings.ContainsAny(password, digits):
		return awsapi.Refused(invalidPassword, passwordPolicy.With("rule", "it has no digit"),
			"Password did not conform with policy: Password must have numeric characters")
	case isTrue(policy.RequireSymbols) && !strings.ContainsAny(password, passwordSymbols):
		return awsapi.Refused(invalidPassword, passwordPolicy.With("rule", "it has no special character"),
			"Password did not conform with policy: Password must have symbol characters")
	}

	return nil
}

// setPassword stores the verifier of a password that was checked. The password is permanent. Codes for another one
// end: they were sent to replace the former password.
func (s *Service) setPassword(p *Pool, u *User, password string) error {
	v, err := srp.NewVerifier(rand.Reader, p.ID, u.Username, password)
	if err != nil {
		return err
	}
	u.storeVerifier(v)
	u.dropCodes(func(c Code) bool { return c.Purpose == purposePassword })

	return nil
}

func (u *User) storeVerifier(v srp.Verifier) {
	u.Salt, u.Verifier = hex.EncodeToString(v.Salt), hex.EncodeToString(v.Value)
	u.PasswordEnds = time.Time{}
}

// verifierOf returns the verifier of the user's password. A user without a password gets one that no
// password fits, so that nobody can tell from outside.
func (s *Service) verifierOf(p *Pool, u User) srp.Verifier {
	salt, err := hex.DecodeString(u.Salt)
	verifier, failed := hex.DecodeString(u.Verifier)
	if err != nil || failed != nil || len(salt) == 0 || len(verifier) == 0 {
		return s.simulated(p, u.Username)
	}
	return srp.Verifier{Salt: salt, Value: verifier}
}

// simulated returns the verifier that an unknown user of a pool seems to have. The pool's key makes it
// stable: it is the only secret of a pool.
func (s *Service) simulated(p *Pool, name string) srp.Verifier {
	return srp.SimulatedVerifier(p.secret("unknown users"), p.key(name))
}

// secret returns a secret of the pool for a purpose.
func (p *Pool) secret(purpose string) []byte {
	var key []byte
	if len(p.Keys) > 0 {
		key = p.Keys[0].Private
	}
	return authenticated(key, []byte(p.ID), []byte{0}, []byte(purpose))
}

const newPasswordLength = 12

// newPassword makes a temporary password that the pool's policy allows.
func (p *Pool) newPassword() string {
	length := max(newPasswordLength, *p.passwordPolicy().MinimumLength)
	sets := []string{lowercase, uppercase, digits, "!#%+-=?@"}
	var password strings.Builder
	for n := range length {
		set := sets[n%len(sets)]
		password.WriteByte(set[below(len(set))])
	}

	return password.String()
}

// below returns a random number from 0 to n-1.
func below(n int) int {
	number, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // never fails
	return int(number.Int64())
}

// hexOf returns the text of a verifier as User has it.
func hexOf(v srp.Verifier) string { return hex.EncodeToString(v.Value) }

// authenticated returns HMAC-SHA256 of the parts.
func authenticated(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}
