package devuserpool

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// Purposes of codes.
const (
	purposeSignUp    = "confirm the sign-up"
	purposePassword  = "set a new password"
	purposeAttribute = "verify the address"
)

// Lifetimes of codes (developer guide, "Quotas in Amazon Cognito").
const (
	codeLifetime         = 24 * time.Hour
	passwordCodeLifetime = time.Hour
)

// maxCodeFailures is how often a user may send a wrong code before codes for the purpose are refused, until
// codeFailuresReset after the first wrong one. Neither another code nor a right one starts the count again.
const (
	maxCodeFailures   = 5
	codeFailuresReset = time.Hour
)

const codeNumbers = 1_000_000 // six digits

// addCode makes a code for a user and keeps it in u. attribute is where the code goes to: email or
// phone_number. The caller shows the code to the developer once the change of the pool is kept: a code
// that was lost would not work.
func (s *Service) addCode(p *Pool, u *User, purpose, attribute string) SentCode {
	return s.addCodeFor(p, u, purpose, attribute, u.Attributes[attribute])
}

// addCodeFor is addCode with an address that need not be the user's yet.
func (s *Service) addCodeFor(p *Pool, u *User, purpose, attribute, destination string) SentCode {
	now := s.Now()
	one := Code{
		Purpose:     purpose,
		Attribute:   attribute,
		Value:       cmp.Or(s.FixedCode, fmt.Sprintf("%06d", below(codeNumbers))),
		Destination: destination,
		Created:     now,
		Ends:        now.Add(codeLifetime),
	}
	if purpose == purposePassword {
		one.Ends = now.Add(passwordCodeLifetime)
	}

	u.dropCodes(func(c Code) bool { return c.replacedBy(purpose, attribute) })
	u.Codes = append(u.Codes, one)
	if over := len(u.Codes) - maxCodes; over > 0 {
		u.Codes = slices.Delete(u.Codes, 0, over)
	}

	return SentCode{
		Pool:        p.ID,
		PoolName:    p.name(),
		Username:    u.Username,
		Purpose:     purpose,
		Destination: destination,
		Code:        one.Value,
		Time:        now,
	}
}

// show shows codes to the developer.
func (s *Service) show(ctx context.Context, codes ...SentCode) {
	if s.Codes == nil {
		return
	}

	for _, one := range codes {
		s.Codes(ctx, one)
	}
}

func (p *Pool) name() string { return text(p.Settings.Name) }

// replacedBy reports whether a code does not work any more once another one is sent. Only codes that verify
// addresses stand beside each other, one for each address.
func (c Code) replacedBy(purpose, attribute string) bool {
	return c.Purpose == purpose && (purpose != purposeAttribute || c.Attribute == attribute)
}

func (u *User) dropCodes(match func(Code) bool) { u.Codes = slices.DeleteFunc(u.Codes, match) }

// code returns the newest code of a user; false = there is none.
func (u *User) code(purpose, attribute string) (Code, bool) {
	for _, one := range slices.Backward(u.Codes) {
		if one.replacedBy(purpose, attribute) {
			return one, true
		}
	}
	return Code{}, false
}

// checkCode compares a code from the user. If it is right, the code is used up, and checkCode returns it.
// attribute is the address that a code of purposeAttribute verifies. Wrong codes are counted beside the pool:
// anybody may send them, so they must not cost a write. hides means that the refusal must not tell whether a
// code was sent, so that of a user without one is as for a user who does not exist (refuseCode).
func (s *Service) checkCode(
	p *Pool, u *User, purpose, attribute, given string, hides bool,
) (Code, error) {
	guesses := failing{pool: p.ID, user: u.Sub, purpose: purpose, exists: true}
	if s.wrongCodes.reached(guesses) {
		return Code{}, tooManyCodeAttempts()
	}

	one, sent := u.code(purpose, attribute)
	over := !sent || !s.Now().Before(one.Ends)
	right := sent && subtle.ConstantTimeCompare([]byte(one.Value), []byte(given)) == 1

	switch {
	case over && (right || !hides):
		return Code{}, codeGone()
	case !right:
		s.wrongCodes.failed(guesses)
		return Code{}, codeMismatch()
	}

	u.dropCodes(func(c Code) bool { return c.replacedBy(purpose, attribute) })

	return one, nil
}

// refuseCode is the answer to a code from a user whom the client must not tell of: like that to a wrong code,
// with the same limit.
func (s *Service) refuseCode(p *Pool, name string) error {
	guesses := failing{pool: p.ID, user: p.key(name), purpose: purposePassword}
	if !s.wrongCodes.failed(guesses) {
		return tooManyCodeAttempts()
	}
	return codeMismatch()
}

func tooManyCodeAttempts() *awsapi.Error {
	return awsapi.Refused(limitExceeded, codeAttempts.With(), "Attempt limit exceeded, please try after some time.")
}

func codeGone() *awsapi.Error {
	return awsapi.Refused(expiredCode, codeExpired.With(), "Invalid code provided, please request a code again.")
}

func codeMismatch() *awsapi.Error {
	return awsapi.Refused(codeMismatched, codeWrong.With(),
		"Invalid verification code provided, please try again.")
}

// verifiable returns the attribute to which the pool sends a code that confirms a user's sign-up: the
// telephone number before the e-mail address, of those that the pool verifies; "" = none.
func (p *Pool) verifiable(u User) string {
	for _, attribute := range []string{"phone_number", "email"} {
		if slices.Contains(p.Settings.AutoVerifiedAttributes, attribute) && u.Attributes[attribute] != "" {
			return attribute
		}
	}
	return ""
}

// Names of RecoveryOptionType.
const (
	recoverEmail = "verified_email"
	recoverPhone = "verified_phone_number"
	recoverAdmin = "admin_only"
)

// recovery returns the verified attribute to which the pool sends a code for a new password; "" = none.
func (p *Pool) recovery(u User) string {
	for _, way := range p.recoveryWays() {
		attribute, isAddress := strings.CutPrefix(way, "verified_")
		if isAddress && u.Attributes[attribute] != "" && u.Attributes[attribute+verifiedSuffix] == "true" {
			return attribute
		}
	}
	return ""
}

// recovers reports whether a code for a new password still counts: it went to a verified address that the user
// has, and by a way that the pool allows.
func (p *Pool) recovers(u User, code Code) bool {
	return u.Attributes[code.Attribute] == code.Destination &&
		u.Attributes[code.Attribute+verifiedSuffix] == "true" &&
		slices.Contains(p.recoveryWays(), "verified_"+code.Attribute)
}

// recoveryWays returns the ways to a new password, the best first. Without a setting they are the telephone
// number and the e-mail address (API reference, AccountRecoverySettingType).
func (p *Pool) recoveryWays() []string {
	if p.Settings.AccountRecoverySetting == nil || len(p.Settings.AccountRecoverySetting.RecoveryMechanisms) == 0 {
		return []string{recoverPhone, recoverEmail}
	}

	ways := slices.Clone(p.Settings.AccountRecoverySetting.RecoveryMechanisms)
	slices.SortStableFunc(ways, func(a, b RecoveryOptionType) int {
		return cmp.Compare(number(a.Priority), number(b.Priority))
	})

	var names []string
	for _, way := range ways {
		names = append(names, text(way.Name))
	}

	return names
}
