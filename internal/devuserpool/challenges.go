package devuserpool

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/srp"
)

// Challenges, in the API's words, except for the last one.
const (
	challengePassword    = "PASSWORD_VERIFIER"
	challengeNewPassword = "NEW_PASSWORD_REQUIRED"
	challengeSelect      = "SELECT_CHALLENGE"
	challengeConfirmed   = "confirmed" // ConfirmSignUp lets InitiateAuth go on
)

// challenge is one that a client must answer to go on with a sign-in. It is a copy of nothing: the user is looked
// up again with the answer.
type challenge struct {
	name     string
	pool     string // ID
	client   string // ID
	login    string // as the client named the user
	username string // "" = there is no such user
	ends     time.Time
	used     bool

	// Of challengePassword only.
	exchange *srp.Exchange
	userID   string // USER_ID_FOR_SRP

	// verifier is that of the password which the client has proven or must prove, in hexadecimal. Another
	// password ends the sign-in.
	verifier string
}

// Bounds of challenges.
const (
	maxChallenges        = 10_000
	secretBlockBytes     = 800
	sessionBytes         = 96
	defaultChallengeTime = defaultSessionMinutes * time.Minute
)

// challenges keeps those that wait for an answer, for the time that a client has. When it is full, the oldest
// goes.
//
// cache: challenges of development user pools
type challenges struct {
	now func() time.Time

	mu      sync.Mutex
	waiting map[[sha256.Size]byte]*challenge
	order   [][sha256.Size]byte // oldest first; some are gone already
}

func newChallenges(now func() time.Time) *challenges {
	return &challenges{now: now, waiting: map[[sha256.Size]byte]*challenge{}}
}

// begin keeps a challenge under a new secret of some bytes, and returns the secret in Base64.
func (c *challenges) begin(one challenge, bytes int) string {
	secret := make([]byte, bytes)
	_, _ = rand.Read(secret) // never fails
	text := base64.StdEncoding.EncodeToString(secret)

	c.mu.Lock()
	defer c.mu.Unlock()

	for len(c.order) > 0 && (len(c.order) >= maxChallenges || c.ended(c.order[0])) {
		delete(c.waiting, c.order[0])
		c.order = c.order[1:]
	}

	key := sha256.Sum256([]byte(text))
	c.waiting[key] = &one
	c.order = append(c.order, key)

	return text
}

// ended reports whether a challenge has no time left, or is gone.
func (c *challenges) ended(key [sha256.Size]byte) bool {
	one, found := c.waiting[key]
	return !found || !c.now().Before(one.ends)
}

// Results of a look-up.
type lookup int

const (
	found lookup = iota
	unknown
	expired
	usedUp
)

// find returns a challenge by its secret, which stays valid.
func (c *challenges) find(secret string) (challenge, lookup) {
	c.mu.Lock()
	defer c.mu.Unlock()

	one, result := c.get(secret)
	if result != found {
		return challenge{}, result
	}
	return *one, found
}

// take returns a challenge by its secret, which nobody can use again.
func (c *challenges) take(secret string) (challenge, lookup) {
	c.mu.Lock()
	defer c.mu.Unlock()

	one, result := c.get(secret)
	if result != found {
		return challenge{}, result
	}
	taken := *one
	one.used, one.exchange = true, nil

	return taken, found
}

func (c *challenges) get(secret string) (*challenge, lookup) {
	one, exists := c.waiting[sha256.Sum256([]byte(secret))]
	switch {
	case !exists:
		return nil, unknown
	case one.used:
		return nil, usedUp
	case !c.now().Before(one.ends):
		return nil, expired
	default:
		return one, found
	}
}
