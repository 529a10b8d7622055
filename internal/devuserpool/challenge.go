package devuserpool

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// First factors of USER_AUTH that are simulated, in the API's words.
const (
	factorPassword    = "PASSWORD"
	factorPasswordSRP = "PASSWORD_SRP"
)

// Parameters of challenges, and responses to them.
const (
	paramAnswer         = "ANSWER"
	paramBlock          = "PASSWORD_CLAIM_SECRET_BLOCK"
	paramSignature      = "PASSWORD_CLAIM_SIGNATURE"
	paramTimestamp      = "TIMESTAMP"
	paramNewPassword    = "NEW_PASSWORD"
	paramUserAttributes = "userAttributes"
	paramRequired       = "requiredAttributes"
	attributePrefix     = "userAttributes."
)

// timestampForm is the form of TIMESTAMP: English names, and a day without leading zero.
const timestampForm = "Mon Jan 2 15:04:05 UTC 2006"

// RespondToAuthChallenge goes on with a sign-in.
func (s *Service) RespondToAuthChallenge(
	ctx context.Context, in *RespondToAuthChallengeRequest,
) (*RespondToAuthChallengeResponse, error) {
	p, c, err := s.appClient(ctx, *in.ClientId)
	if err != nil {
		return nil, err
	}
	a := attempt{pool: p, client: c, params: in.ChallengeResponses, session: text(in.Session)}
	o, err := s.respond(a, *in.ChallengeName)
	if err != nil {
		return nil, err
	}

	return &RespondToAuthChallengeResponse{
		ChallengeName:        optional(o.challenge),
		Session:              optional(o.session),
		ChallengeParameters:  o.parameters,
		AuthenticationResult: o.tokens,
	}, nil
}

// AdminRespondToAuthChallenge is RespondToAuthChallenge for servers.
func (s *Service) AdminRespondToAuthChallenge(
	ctx context.Context, caller awsapi.Caller, in *AdminRespondToAuthChallengeRequest,
) (*AdminRespondToAuthChallengeResponse, error) {
	p, c, err := s.callerClient(ctx, caller, *in.UserPoolId, *in.ClientId)
	if err != nil {
		return nil, err
	}
	a := attempt{pool: p, client: c, params: in.ChallengeResponses, session: text(in.Session)}
	o, err := s.respond(a, *in.ChallengeName)
	if err != nil {
		return nil, err
	}

	return &AdminRespondToAuthChallengeResponse{
		ChallengeName:        optional(o.challenge),
		Session:              optional(o.session),
		ChallengeParameters:  o.parameters,
		AuthenticationResult: o.tokens,
	}, nil
}

// respond takes the client's answer to a challenge.
func (s *Service) respond(a attempt, challenge string) (outcome, error) {
	answer := map[string]func(attempt) (outcome, error){
		stepPassword:    s.answerPassword,
		stepNewPassword: s.answerNewPassword,
		stepSelect:      s.answerSelect,
	}[challenge]
	if answer == nil {
		return outcome{}, refusedPart("the challenge " + challenge)
	}

	if err := a.require(paramUsername); err != nil {
		return outcome{}, err
	}
	if err := a.client.checkSecretHash(a.params[paramSecretHash], a.params[paramUsername]); err != nil {
		return outcome{}, err
	}

	return answer(a)
}

// answerPassword verifies the client's proof of the password.
func (s *Service) answerPassword(a attempt) (outcome, error) {
	if err := a.require(paramBlock, paramSignature, paramTimestamp); err != nil {
		return outcome{}, err
	}
	if _, err := time.Parse(timestampForm, a.params[paramTimestamp]); err != nil {
		return outcome{}, awsapi.Refused(invalidParameter, timestampText.With(),
			"TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")
	}

	one, result := s.signIns.take(a.params[paramBlock])
	if err := a.checkSignIn(one, result, stepPassword); err != nil {
		return outcome{}, err
	}
	block, err := base64.StdEncoding.DecodeString(a.params[paramBlock])
	if err != nil {
		return outcome{}, incorrect()
	}

	// The secret block tells who signs in, whatever USERNAME has.
	timestamp, signature := a.params[paramTimestamp], a.params[paramSignature]
	a.params = map[string]string{paramUsername: one.name}
	u, exists := a.pool.Users[a.pool.key(one.username)]
	exists = exists && one.username != ""
	key := a.lockKey(u, exists)
	if s.signIns.locked(key) {
		return outcome{}, tooManyAttempts()
	}

	right := one.exchange.proven(a.pool.ID, one.userID, block, timestamp, signature)
	if !right || !exists || hexOf(s.verifierOf(a.pool, u)) != one.proven {
		s.signIns.failed(key)
		return outcome{}, s.refuse(a, u, exists)
	}
	s.signIns.succeeded(key)

	return s.proven(a, u)
}

// checkSignIn refuses a sign-in that did not begin at this client, or is at another step.
func (a attempt) checkSignIn(one signIn, result lookup, step string) error {
	switch {
	case result == usedUp:
		return awsapi.Refused(notAuthorized, signInUsed.With(),
			"Invalid session for the user, session can only be used once.")
	case result == expired:
		return awsapi.Refused(notAuthorized, signInExpired.With(),
			"Invalid session for the user, session is expired.")
	case result != found, one.step != step, one.pool != a.pool.ID, one.client != a.client.ID:
		return awsapi.Refused(notAuthorized, signInUnknown.With(), "Invalid session for the user.")
	default:
		return nil
	}
}

// askNewPassword begins the challenge for a user with a temporary password.
func (s *Service) askNewPassword(a attempt, u User) (outcome, error) {
	one := s.step(a, stepNewPassword, u.Username)
	one.proven = u.Verifier
	session, err := s.signIns.begin(one, sessionBytes)
	if err != nil {
		return outcome{}, err
	}

	shown := maps.Clone(u.Attributes)
	if shown == nil {
		shown = map[string]string{}
	}
	delete(shown, "sub")
	attributes, err := json.Marshal(shown)
	if err != nil {
		return outcome{}, err
	}
	missing, err := json.Marshal(a.pool.missing(u))
	if err != nil {
		return outcome{}, err
	}

	return outcome{
		challenge: stepNewPassword,
		session:   session,
		parameters: map[string]string{
			paramUserID:         u.Username,
			paramUserAttributes: string(attributes),
			paramRequired:       string(missing),
		},
	}, nil
}

// missing returns the required attributes that a user lacks, as the challenge names them.
func (p *Pool) missing(u User) []string {
	names := []string{}
	for _, a := range p.Settings.SchemaAttributes {
		if isTrue(a.Required) && *a.Name != "sub" && u.Attributes[*a.Name] == "" {
			names = append(names, attributePrefix+*a.Name)
		}
	}
	return names
}

// answerNewPassword sets the password of a user who had a temporary one, and signs the user in. A password
// that the policy refuses may be tried again with the same session.
func (s *Service) answerNewPassword(a attempt) (outcome, error) {
	if a.session == "" {
		return outcome{}, missingParameter("Session")
	}
	if err := a.require(paramNewPassword); err != nil {
		return outcome{}, err
	}
	one, result := s.signIns.find(a.session)
	if err := a.checkSignIn(one, result, stepNewPassword); err != nil {
		return outcome{}, err
	}

	u, exists := a.pool.Users[a.pool.key(one.username)]
	named, known := a.pool.user(a.params[paramUsername])
	if !exists || !known || named.Sub != u.Sub || u.Verifier != one.proven || u.Status != statusForceChange {
		return outcome{}, awsapi.Refused(notAuthorized, signInUnknown.With(), "Invalid session for the user.")
	}
	if !u.Enabled {
		return outcome{}, userDisabled()
	}
	password := a.params[paramNewPassword]
	if err := a.pool.checkPassword(password); err != nil {
		return outcome{}, err
	}
	given, err := a.givenAttributes()
	if err != nil {
		return outcome{}, err
	}

	return s.finish(a, u, func(p *Pool, u *User) error {
		if len(given) > 0 {
			if _, err := p.changeAttributes(u, given); err != nil {
				return err
			}
		}
		if missing := p.missing(*u); len(missing) > 0 {
			name := strings.TrimPrefix(missing[0], attributePrefix)
			return awsapi.Refused(invalidParameter, requiredAttribute.With("name", name),
				"Invalid attributes given, %s is missing", name)
		}
		if err := s.setPassword(p, u, password); err != nil {
			return err
		}
		u.Status, u.Modified = statusConfirmed, s.Now()

		// It is used up only now, and by one call alone.
		_, result := s.signIns.take(a.session)

		return a.checkSignIn(one, result, stepNewPassword)
	})
}

// givenAttributes returns the attributes in the responses to a challenge, in the order of their names.
func (a attempt) givenAttributes() ([]AttributeType, error) {
	var list []AttributeType
	for _, key := range slices.Sorted(maps.Keys(a.params)) {
		name, isAttribute := strings.CutPrefix(key, attributePrefix)
		if !isAttribute || name == "" {
			continue
		}
		if err := a.client.mayWrite(name); err != nil {
			return nil, err
		}
		value := a.params[key]
		list = append(list, AttributeType{Name: &name, Value: &value})
	}

	return list, nil
}

// mayWrite refuses attributes that users may not set. Without a list users may set all, except for what
// tells that an address was verified.
func (c Client) mayWrite(attribute string) error {
	writable, tellsVerified := c.Settings.WriteAttributes, false
	for _, address := range []string{"email", "phone_number"} {
		tellsVerified = tellsVerified || attribute == address+verifiedSuffix
	}
	if !tellsVerified && (len(writable) == 0 || slices.Contains(writable, attribute)) {
		return nil
	}

	return awsapi.Refused(notAuthorized, writableAttribute.With("name", attribute),
		"A client attempted to write unauthorized attribute")
}

// userFlow begins USER_AUTH: with the factor that the client prefers if it sends all for it, else with the
// choice of a factor. A user who has just confirmed the sign-up needs no factor.
func (s *Service) userFlow(a attempt) (outcome, error) {
	if a.session != "" {
		return s.afterSignUp(a)
	}

	switch preferred := a.params[paramPreferred]; {
	case preferred == factorPassword && a.params[paramPassword] != "":
		return s.signInByPassword(a)
	case preferred == factorPasswordSRP && a.params[paramA] != "":
		return s.beginSRP(a)
	}

	u, exists, err := a.find()
	if err != nil {
		return outcome{}, err
	}
	if !exists && !a.client.preventsExistenceErrors() {
		return outcome{}, userMissing()
	}
	session, err := s.signIns.begin(s.step(a, stepSelect, u.Username), sessionBytes)

	return outcome{
		challenge:  stepSelect,
		session:    session,
		parameters: map[string]string{},
		available:  []string{factorPasswordSRP, factorPassword},
	}, err
}

// answerSelect goes on with the factor that the client has chosen.
func (s *Service) answerSelect(a attempt) (outcome, error) {
	if a.session == "" {
		return outcome{}, missingParameter("Session")
	}
	if err := a.require(paramAnswer); err != nil {
		return outcome{}, err
	}

	needed, begin := paramPassword, s.signInByPassword
	switch a.params[paramAnswer] {
	case factorPassword:
	case factorPasswordSRP:
		needed, begin = paramA, s.beginSRP
	default:
		return outcome{}, refusedPart("factors other than PASSWORD and PASSWORD_SRP (ANSWER)")
	}
	if err := a.require(needed); err != nil {
		return outcome{}, err
	}

	one, result := s.signIns.take(a.session)
	if err := a.checkSignIn(one, result, stepSelect); err != nil {
		return outcome{}, err
	}
	if a.pool.key(a.params[paramUsername]) != a.pool.key(one.name) {
		return outcome{}, awsapi.Refused(notAuthorized, signInUnknown.With(), "Invalid session for the user.")
	}

	return begin(a)
}

// afterSignUp signs in a user by the session from ConfirmSignUp.
func (s *Service) afterSignUp(a attempt) (outcome, error) {
	one, result := s.signIns.take(a.session)
	if err := a.checkSignIn(one, result, stepConfirmed); err != nil {
		return outcome{}, err
	}

	u, exists := a.pool.Users[a.pool.key(one.username)]
	named, known := a.pool.user(a.params[paramUsername])
	if !exists || !known || named.Sub != u.Sub || u.Verifier != one.proven {
		return outcome{}, awsapi.Refused(notAuthorized, signInUnknown.With(), "Invalid session for the user.")
	}

	return s.proven(a, u)
}
