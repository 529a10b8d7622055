package devuserpool

import (
	"encoding/hex"
	"io"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
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

// setPassword stores the verifier of a password that was checked. The password is permanent.
func (s *Service) setPassword(p *Pool, u *User, password string) error {
	v, err := newVerifier(s.Random, p.ID, u.Username, password)
	if err != nil {
		return err
	}
	u.storeVerifier(v)

	return nil
}

func (u *User) storeVerifier(v srpVerifier) {
	u.Salt, u.Verifier = hex.EncodeToString(v.salt), hex.EncodeToString(v.verifier)
	u.PasswordEnds = time.Time{}
}

// verifierOf returns the verifier of the user's password. A user without a password gets one that no
// password fits, so that nobody can tell from outside.
func (s *Service) verifierOf(p *Pool, u User) srpVerifier {
	salt, err := hex.DecodeString(u.Salt)
	verifier, failed := hex.DecodeString(u.Verifier)
	if err != nil || failed != nil || len(salt) == 0 || len(verifier) == 0 {
		return s.simulated(p, u.Username)
	}
	return srpVerifier{salt: salt, verifier: verifier}
}

// simulated returns the verifier that an unknown user of a pool seems to have. The pool's key makes it
// stable: it is the only secret of a pool.
func (s *Service) simulated(p *Pool, name string) srpVerifier {
	return simulatedVerifier(p.secret("unknown users"), p.key(name))
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
func (s *Service) newPassword(p *Pool) string {
	length := max(newPasswordLength, *p.passwordPolicy().MinimumLength)
	sets := []string{lowercase, uppercase, digits, "!#%+-=?@"}
	var password strings.Builder
	for n := range length {
		set := sets[n%len(sets)]
		password.WriteByte(set[s.below(len(set))])
	}

	return password.String()
}

// below returns a random number from 0 to n-1.
func (s *Service) below(n int) int {
	var random [16]byte // far more than n, so that no result is favoured
	if _, err := io.ReadFull(s.Random, random[:]); err != nil {
		panic("devuserpool: no randomness: " + err.Error()) // crypto/rand never fails
	}
	return int(new(big.Int).Mod(new(big.Int).SetBytes(random[:]), big.NewInt(int64(n))).Int64())
}

// hexOf returns the text of a verifier as User has it.
func hexOf(v srpVerifier) string { return hex.EncodeToString(v.verifier) }
