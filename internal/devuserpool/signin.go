package devuserpool

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/srp"
)

// Parameters and responses of sign-ins.
const (
	paramUsername   = "USERNAME"
	paramPassword   = "PASSWORD"
	paramA          = "SRP_A"
	paramSecretHash = "SECRET_HASH"
	paramRefresh    = "REFRESH_TOKEN"
	paramPreferred  = "PREFERRED_CHALLENGE"
	paramUserID     = "USER_ID_FOR_SRP"
)

// attempt is one call that signs a user in, for both forms of the operations.
type attempt struct {
	pool    *Pool // nobody may change it
	client  Client
	params  map[string]string
	session string // Session of the call; "" = none
}

// authResponse is the answer of all four operations that sign users in: a challenge, or tokens. Those that answer
// a challenge have the same members but AvailableChallenges, which then is absent.
type authResponse = InitiateAuthResponse

// InitiateAuth begins a sign-in of a user, or refreshes one.
func (s *Service) InitiateAuth(ctx context.Context, in *InitiateAuthRequest) (*authResponse, error) {
	p, c, err := s.appClient(ctx, *in.ClientId)
	if err != nil {
		return nil, err
	}
	if *in.AuthFlow == flowAdminPassword || *in.AuthFlow == flowAdminNoSRP {
		return nil, methodUnsupported(*in.AuthFlow)
	}

	a := attempt{
		pool:    p,
		client:  c,
		params:  in.AuthParameters,
		session: text(in.Session),
	}

	return s.initiate(a, *in.AuthFlow)
}

// AdminInitiateAuth is InitiateAuth for servers.
func (s *Service) AdminInitiateAuth(
	ctx context.Context, caller awsapi.Caller, in *AdminInitiateAuthRequest,
) (*authResponse, error) {
	p, c, err := s.callerClient(ctx, caller, *in.UserPoolId, *in.ClientId)
	if err != nil {
		return nil, err
	}
	if *in.AuthFlow == flowPassword {
		return nil, methodUnsupported(*in.AuthFlow)
	}

	a := attempt{
		pool:    p,
		client:  c,
		params:  in.AuthParameters,
		session: text(in.Session),
	}

	return s.initiate(a, *in.AuthFlow)
}

// callerClient returns a client of a pool of the caller's account and region.
func (s *Service) callerClient(ctx context.Context, caller awsapi.Caller, pool, client string) (*Pool, Client, error) {
	p, err := s.callerPool(ctx, caller, pool)
	if err != nil {
		return nil, Client{}, err
	}
	c, exists := p.Clients[client]
	if !exists {
		return nil, Client{}, clientMissing(client)
	}

	return p, c, nil
}

func methodUnsupported(flow string) error {
	return awsapi.Refused(invalidParameter, authFlowOperation.With("flow", flow), "Initiate Auth method not supported.")
}

// initiate begins a flow that the client allows.
func (s *Service) initiate(a attempt, flow string) (*authResponse, error) {
	switch flow {
	case flowRefreshShort:
		flow = flowRefresh
	case flowAdminNoSRP:
		flow = flowAdminPassword
	case flowCustom:
		return nil, refusedPart("the flow CUSTOM_AUTH")
	}
	if !a.client.allows(flow) {
		return nil, flowRefused(flow)
	}
	if flow == flowRefresh {
		return s.refreshFlow(a)
	}

	if err := a.require(paramUsername); err != nil {
		return nil, err
	}
	if err := a.client.checkSecretHash(a.params[paramSecretHash], a.params[paramUsername]); err != nil {
		return nil, err
	}

	switch flow {
	case flowSRP:
		return s.beginSRP(a)
	case flowUser:
		return s.userFlow(a)
	default:
		return s.signInByPassword(a)
	}
}

// flowRefused has AWS's words for a flow that the client does not allow; they differ by flow.
func flowRefused(flow string) error {
	why := authFlow.With("flow", flow)
	switch flow {
	case flowSRP:
		return awsapi.Refused(invalidParameter, why, "%s is not enabled for the client.", flow)
	case flowPassword, flowUser:
		return awsapi.Refused(invalidParameter, why, "%s flow not enabled for this client", flow)
	default:
		return awsapi.Refused(invalidParameter, why, "Auth flow not enabled for this client")
	}
}

// require refuses an attempt without a parameter.
func (a attempt) require(names ...string) error {
	for _, name := range names {
		if a.params[name] == "" {
			return missingParameter(name)
		}
	}
	return nil
}

func missingParameter(name string) error {
	return awsapi.Refused(invalidParameter, authParameter.With("name", name), "Missing required parameter %s", name)
}

// maxName bounds a user name in the parameters of a sign-in, in bytes (UsernameType has 128 characters).
const maxName = 512

// find looks up the user whom an attempt names. Nobody may change the user.
func (a attempt) find() (User, bool, error) {
	name := a.params[paramUsername]
	if len(name) > maxName {
		return User{}, false, awsapi.Refused(invalidParameter, authParameterSize.With(),
			"Parameter %s is too long.", paramUsername)
	}
	u, exists := a.pool.user(name)

	return u, exists, nil
}

// lockKey names a user whose failures are counted, whether the user exists or not.
func (a attempt) lockKey(u User, exists bool) failing {
	name := a.params[paramUsername]
	if exists {
		name = u.Username
	}
	return failing{pool: a.pool.ID, user: a.pool.key(name), exists: exists}
}

// signInByPassword signs a user in whose password came with the call.
func (s *Service) signInByPassword(a attempt) (*authResponse, error) {
	if err := a.require(paramUsername, paramPassword); err != nil {
		return nil, err
	}
	u, exists, err := a.find()
	if err != nil {
		return nil, err
	}
	key := a.lockKey(u, exists)
	if s.lockouts.locked(key) {
		return nil, tooManyAttempts()
	}

	// The work is the same for users who do not exist.
	name, v := a.params[paramUsername], srp.Verifier{}
	if exists {
		name, v = u.Username, s.verifierOf(a.pool, u)
	} else {
		v = s.simulated(a.pool, name)
	}
	if !v.Matches(a.pool.ID, name, a.params[paramPassword]) {
		s.lockouts.failed(key)
		return nil, s.refuse(a, u, exists)
	}
	s.lockouts.succeeded(key)

	return s.checkStatus(a, u)
}

// refuse is the answer to a wrong password, or to any password of a user who does not exist. After a reset no
// password counts (API reference, AdminResetUserPassword), which a client may tell only to users who know theirs
// if it must not tell which users exist.
func (s *Service) refuse(a attempt, u User, exists bool) error {
	switch {
	case !exists && !a.client.preventsExistenceErrors():
		return userMissing()
	case exists && u.Enabled && u.Status == statusResetRequired && !a.client.preventsExistenceErrors():
		return resetRequired()
	default:
		return incorrect()
	}
}

// checkStatus goes on with a user whose password was right, as the status allows.
func (s *Service) checkStatus(a attempt, u User) (*authResponse, error) {
	switch {
	case !u.Enabled:
		return nil, userDisabled()
	case !u.PasswordEnds.IsZero() && !s.Now().Before(u.PasswordEnds):
		return nil, awsapi.Refused(notAuthorized, passwordExpired.With(),
			"Temporary password has expired and must be reset by an administrator.")
	case u.Status == statusUnconfirmed:
		return nil, awsapi.Refused(userNotConfirmed, userUnconfirmed.With(), "User is not confirmed.")
	case u.Status == statusResetRequired:
		return nil, resetRequired()
	case u.Status == statusForceChange:
		return s.askNewPassword(a, u)
	default:
		return s.finish(a, u, nil)
	}
}

// errChanged means that a user was changed while signing in.
var errChanged = errors.New("the user was changed meanwhile")

// finish keeps the refresh token of a user and signs the others. edit may change the user in the same step; nil =
// nothing. The user must still have the password that was proven.
func (s *Service) finish(a attempt, u User, edit func(*Pool, *User) error) (*authResponse, error) {
	one, token := s.newRefreshToken(a.client)

	var after *Pool
	var signedIn User
	same := func(p *Pool) (User, error) {
		now, exists := p.Users[p.key(u.Username)]
		if !exists || now.Sub != u.Sub || now.Verifier != u.Verifier || !now.Enabled || now.Status != u.Status {
			return User{}, incorrect().Because(errChanged)
		}
		return now, nil
	}

	err := s.changeUser(a.pool.ID, same, func(p *Pool, u *User) error {
		if edit != nil {
			if err := edit(p, u); err != nil {
				return err
			}
		}
		u.keepToken(one, s.Now())
		after, signedIn = p, *u

		return nil
	})
	if err != nil {
		return nil, err
	}
	tokens, err := s.tokens(after, a.client, signedIn, one, token)

	return withTokens(tokens), err
}

// withTokens is the answer that ends a sign-in.
func withTokens(tokens *AuthenticationResultType) *authResponse {
	return &authResponse{ChallengeParameters: map[string]string{}, AuthenticationResult: tokens}
}

// changeUser changes one user of a pool, whom find finds in it.
func (s *Service) changeUser(pool string, find func(*Pool) (User, error), edit func(*Pool, *User) error) error {
	err := s.State.change(pool, func(p *Pool) error {
		u, err := find(p)
		if err != nil {
			return err
		}
		if err := edit(p, &u); err != nil {
			return err
		}
		p.put(u)

		return nil
	})

	return stateError(err, pool)
}

// simulatedID returns the USER_ID_FOR_SRP of a user who does not exist: the name, or where users have other
// names than the one they sign in with, a GUID that stays the same (developer guide, "Managing error
// responses").
func (a attempt) simulatedID(name string) string {
	if len(a.pool.Settings.UsernameAttributes) == 0 && !emailForm.MatchString(name) && !phoneForm.MatchString(name) {
		return name
	}
	return guidOf(authenticated(a.pool.secret("user IDs"), []byte(a.pool.key(name))))
}

// beginSRP answers USER_SRP_AUTH with the password challenge.
func (s *Service) beginSRP(a attempt) (*authResponse, error) {
	if err := a.require(paramUsername, paramA); err != nil {
		return nil, err
	}
	u, exists, err := a.find()
	if err != nil {
		return nil, err
	}
	if !exists && !a.client.preventsExistenceErrors() {
		return nil, userMissing()
	}
	if s.lockouts.locked(a.lockKey(u, exists)) {
		return nil, tooManyAttempts()
	}

	one := s.newChallenge(a, challengePassword, u.Username)
	one.userID = a.simulatedID(one.login)
	v := s.simulated(a.pool, one.login)
	if exists {
		one.userID, v = u.Username, s.verifierOf(a.pool, u)
	}
	one.verifier = hexOf(v)

	one.exchange, err = srp.NewExchange(rand.Reader, v, a.params[paramA])
	if errors.Is(err, srp.ErrValue) {
		return nil, awsapi.Refused(invalidParameter, srpValueForm.With("fault", explain.ShownText(err.Error())),
			"Invalid SRP_A.")
	}
	if err != nil {
		return nil, err
	}

	block := s.challenges.begin(one, secretBlockBytes)
	salt, public := one.exchange.Challenge()

	return &authResponse{
		ChallengeName: new(challengePassword),
		ChallengeParameters: map[string]string{
			"SALT":         salt,
			"SRP_B":        public,
			"SECRET_BLOCK": block,
			paramUserID:    one.userID,
			paramUsername:  one.userID,
		},
	}, nil
}

// newChallenge returns a challenge for a client.
func (s *Service) newChallenge(a attempt, name, username string) challenge {
	return challenge{
		name:     name,
		pool:     a.pool.ID,
		client:   a.client.ID,
		login:    a.params[paramUsername],
		username: username,
		ends:     s.Now().Add(a.client.challengeTime()),
	}
}
