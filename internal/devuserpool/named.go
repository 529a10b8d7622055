package devuserpool

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// named has the user whom a public call names, and the client that calls.
type named struct {
	name   string // as the call has it
	pool   *Pool  // nobody may change it
	client Client
	user   User
	exists bool // false for a user who does not exist, if the client must not tell
}

// named finds the user of a public call that names one, once the client's secret hash is verified. It has
// AWS's error for a user who does not exist, if the client may tell.
func (s *Service) named(ctx context.Context, clientID string, secretHash *string, name string) (named, error) {
	p, c, err := s.appClient(ctx, clientID)
	if err != nil {
		return named{}, err
	}
	if err := c.checkSecretHash(text(secretHash), name); err != nil {
		return named{}, err
	}

	u, exists := p.user(name)
	if !exists && !c.preventsExistenceErrors() {
		return named{}, awsapi.Refused(userNotFound, userUnknown.With(), "Username/client id combination not found.")
	}

	return named{
		name:   name,
		pool:   p,
		client: c,
		user:   u,
		exists: exists,
	}, nil
}

// hidden reports whether an answer must be as for a user who does not exist.
func (n named) hidden() bool {
	return !n.exists || !n.user.Enabled && n.client.preventsExistenceErrors()
}

// of finds a user again, in a pool as it is now.
func of(u User) func(*Pool) (User, error) {
	return func(p *Pool) (User, error) {
		now, exists := p.Users[p.key(u.Username)]
		if !exists || now.Sub != u.Sub {
			return User{}, userGone()
		}
		return now, nil
	}
}
