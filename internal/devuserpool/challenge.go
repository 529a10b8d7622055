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
) (*authResponse, error) {
	p, c, err := s.appClient(ctx, *in.ClientId)
	if err != nil {
		return nil, err
	}
	a := attempt{
		pool:    p,
		client:  c,
		params:  in.ChallengeResponses,
		session: text(in.Session),
	}

	return s.respond(a, *in.ChallengeName)
}

// AdminRespondToAuthChallenge is RespondToAuthChallenge for servers.
func (s *Service) AdminRespondToAuthChallenge(
	ctx context.Context, caller awsapi.Caller, in *AdminRespondToAuthChallengeRequest,
) (*authResponse, error) {
	p, c, err := s.callerClient(ctx, caller, *in.UserPoolId, *in.ClientId)
	if err != nil {
		return nil, err
	}
	a := attempt{
		pool:    p,
		client:  c,
		params:  in.ChallengeResponses,
		session: text(in.Session),
	}

	return s.respond(a, *in.ChallengeName)
}

// respond takes the client's answer to a challenge.
func (s *Service) respond(a attempt, challenge string) (*authResponse, error) {
	answer := map[string]func(attempt) (*authResponse, error){
		challengePassword:    s.answerPassword,
		challengeNewPassword: s.answerNewPassword,
		challengeSelect:      s.answerSelect,
	}[challenge]
	if answer == nil {
		return nil, refusedPart("the challenge " + challenge)
	}

	if err := a.require(paramUsername); err != nil {
		return nil, err
	}
	if err := a.client.checkSecretHash(a.params[paramSecretHash], a.params[paramUsername]); err != nil {
		return nil, err
	}

	return answer(a)
}

// answerPassword verifies the client's proof of the password.
func (s *Service) answerPassword(a attempt) (*authResponse, error) {
	if err := a.require(paramBlock, paramSignature, paramTimestamp); err != nil {
		return nil, err
	}
	if _, err := time.Parse(timestampForm, a.params[paramTimestamp]); err != nil {
		return nil, awsapi.Refused(invalidParameter, timestampText.With(),
			"TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")
	}

	one, result := s.challenges.take(a.params[paramBlock])
	if err := a.checkChallenge(one, result, challengePassword); err != nil {
		return nil, err
	}
	block, err := base64.StdEncoding.DecodeString(a.params[paramBlock])
	if err != nil {
		return nil, incorrect()
	}

	// The secret block tells who signs in, whatever USERNAME has.
	timestamp, signature := a.params[paramTimestamp], a.params[paramSignature]
	a.params = map[string]string{paramUsername: one.login}
	u, exists := a.pool.Users[a.pool.key(one.username)]
	exists = exists && one.username != ""
	key := a.lockKey(u, exists)
	if s.lockouts.locked(key) {
		return nil, tooManyAttempts()
	}

	right := one.exchange.Proves(a.pool.ID, one.userID, block, timestamp, signature)
	if !right || !exists || hexOf(s.verifierOf(a.pool, u)) != one.verifier {
		s.lockouts.failed(key)
		return nil, s.refuse(a, u, exists)
	}
	s.lockouts.succeeded(key)

	return s.checkStatus(a, u)
}

// checkChallenge refuses the answer to a challenge that this client did not get, or to one of another name.
func (a attempt) checkChallenge(one challenge, result lookup, name string) error {
	switch {
	case result == usedUp:
		return awsapi.Refused(notAuthorized, signInUsed.With(),
			"Invalid session for the user, session can only be used once.")
	case result == expired:
		return awsapi.Refused(notAuthorized, signInExpired.With(),
			"Invalid session for the user, session is expired.")
	case result != found, one.name != name, one.pool != a.pool.ID, one.client != a.client.ID:
		return awsapi.Refused(notAuthorized, signInUnknown.With(), "Invalid session for the user.")
	default:
		return nil
	}
}

// askNewPassword begins the challenge for a user with a temporary password.
func (s *Service) askNewPassword(a attempt, u User) (*authResponse, error) {
	one := s.newChallenge(a, challengeNewPassword, u.Username)
	one.verifier = u.Verifier
	session := s.challenges.begin(one, sessionBytes)

	shown := maps.Clone(u.Attributes)
	if shown == nil {
		shown = map[string]string{}
	}
	delete(shown, "sub")
	attributes, err := json.Marshal(shown)
	if err != nil {
		return nil, err
	}
	missing, err := json.Marshal(a.pool.missing(u))
	if err != nil {
		return nil, err
	}

	return &authResponse{
		ChallengeName: new(challengeNewPassword),
		Session:       &session,
		ChallengeParameters: map[string]string{
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
func (s *Service) answerNewPassword(a attempt) (*authResponse, error) {
	if a.session == "" {
		return nil, missingParameter("Session")
	}
	if err := a.require(paramNewPassword); err != nil {
		return nil, err
	}
	one, result := s.challenges.find(a.session)
	if err := a.checkChallenge(one, result, challengeNewPassword); err != nil {
		return nil, err
	}

	u, exists := a.pool.Users[a.pool.key(one.username)]
	named, known := a.pool.user(a.params[paramUsername])
	if !exists || !known || named.Sub != u.Sub || u.Verifier != one.verifier || u.Status != statusForceChange {
		return nil, awsapi.Refused(notAuthorized, signInUnknown.With(), "Invalid session for the user.")
	}
	if !u.Enabled {
		return nil, userDisabled()
	}
	password := a.params[paramNewPassword]
	if err := a.pool.checkPassword(password); err != nil {
		return nil, err
	}
	given, err := a.givenAttributes()
	if err != nil {
		return nil, err
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
		_, result := s.challenges.take(a.session)

		return a.checkChallenge(one, result, challengeNewPassword)
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
func (s *Service) userFlow(a attempt) (*authResponse, error) {
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
		return nil, err
	}
	if !exists && !a.client.preventsExistenceErrors() {
		return nil, userMissing()
	}

	return &authResponse{
		ChallengeName:       new(challengeSelect),
		Session:             new(s.challenges.begin(s.newChallenge(a, challengeSelect, u.Username), sessionBytes)),
		ChallengeParameters: map[string]string{},
		AvailableChallenges: []string{factorPasswordSRP, factorPassword},
	}, nil
}

// answerSelect goes on with the factor that the client has chosen.
func (s *Service) answerSelect(a attempt) (*authResponse, error) {
	if a.session == "" {
		return nil, missingParameter("Session")
	}
	if err := a.require(paramAnswer); err != nil {
		return nil, err
	}

	needed, begin := paramPassword, s.signInByPassword
	switch a.params[paramAnswer] {
	case factorPassword:
	case factorPasswordSRP:
		needed, begin = paramA, s.beginSRP
	default:
		return nil, refusedPart("factors other than PASSWORD and PASSWORD_SRP (ANSWER)")
	}
	if err := a.require(needed); err != nil {
		return nil, err
	}

	one, result := s.challenges.take(a.session)
	if err := a.checkChallenge(one, result, challengeSelect); err != nil {
		return nil, err
	}
	if a.pool.key(a.params[paramUsername]) != a.pool.key(one.login) {
		return nil, awsapi.Refused(notAuthorized, signInUnknown.With(), "Invalid session for the user.")
	}

	return begin(a)
}

// afterSignUp signs in a user by the session from ConfirmSignUp.
func (s *Service) afterSignUp(a attempt) (*authResponse, error) {
	one, result := s.challenges.take(a.session)
	if err := a.checkChallenge(one, result, challengeConfirmed); err != nil {
		return nil, err
	}

	u, exists := a.pool.Users[a.pool.key(one.username)]
	named, known := a.pool.user(a.params[paramUsername])
	if !exists || !known || named.Sub != u.Sub || u.Verifier != one.verifier {
		return nil, awsapi.Refused(notAuthorized, signInUnknown.With(), "Invalid session for the user.")
	}

	return s.checkStatus(a, u)
}
