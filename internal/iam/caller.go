package iam

import (
	"cmp"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

type callerKind uint8

const (
	nobody      callerKind = iota // the zero Caller: everything is denied
	accountRoot                   // an access key without a policy
	boundedUser                   // an access key with a policy
	roleSession
	federatedUser // of an access key: see Federated
)

// Caller is who signed a request. The zero Caller may do nothing. AccessKeys.Lookup,
// NewSessionCaller, Temporary and Federated make Callers. Changing the exported fields does not change
// what a Caller may do.
type Caller struct {
	Account     identitypool.AccountID
	ARN         string // in the partition of the call, after In
	UserID      string // UserId in GetCallerIdentity
	AccessKeyID string

	kind       callerKind
	document   *policy.Document  // of boundedUser and federatedUser: the access key's policy
	keyID      string            // of the same two: the access key that has it
	roleARN    RoleARN           // of roleSession
	roleID     string            // of roleSession
	policies   []string          // of roleSession and federatedUser: the session policies
	conditions policy.Keys       // the caller's condition keys
	transitive map[string]string // of roleSession: the tags that it passes on to sessions that it starts
	guest      bool              // of roleSession: see SessionCaller.Guest
	limited    bool              // temporary credentials of an access key: see Temporary, Federated
	facts      *SessionFacts     // of roleSession
	stored     string            // ARN in the stored partition; "" = ARN
	partition  string            // partition of the call; "" = not known
}

// In returns c as the signer of a call in a partition: its ARN is in this partition,
// and policies may name the call's resources in it.
func (c Caller) In(partition string) Caller {
	c.stored = cmp.Or(c.stored, c.ARN)
	c.partition = partition
	c.ARN = identitypool.InPartition(c.ARN, c.partition)
	return c
}

// Partition returns the partition of the region that the call was signed for;
// "" = not known.
func (c Caller) Partition() string { return c.partition }

// shownRole returns the ARN of the session's role in the partition of the call.
func (c Caller) shownRole() string { return c.roleARN.In(c.partition).String() }

// keyUserPath is the path of the users that stand for access keys with a policy.
const keyUserPath = "poolhouse/"

// newKeyCaller makes the Caller of an access key. A key without a policy is the
// root of its account; one with a policy is a user of that account.
func newKeyCaller(partition, id string, account identitypool.AccountID, document *policy.Document) Caller {
	prefix := "arn:" + partition + ":iam::" + string(account) + ":"
	c := Caller{
		Account:     account,
		AccessKeyID: id,
		keyID:       id,
		document:    document,
		conditions:  policy.Keys{},
	}

	if document == nil {
		c.kind, c.ARN, c.UserID = accountRoot, prefix+"root", string(account)
		c.conditions.Set("aws:PrincipalType", "Account")
	} else {
		c.kind, c.ARN, c.UserID = boundedUser, prefix+"user/"+keyUserPath+id, uniqueID(userIDPrefix, id)
		c.conditions.Set("aws:PrincipalType", "User")
		c.conditions.Set("aws:username", id)
	}
	c.conditions.Set("aws:PrincipalArn", c.ARN)
	c.setCommon()

	return c
}

// SessionFacts are what a role session tells other services about its caller. They decide nothing here.
type SessionFacts struct {
	Expires           time.Time
	Tags              map[string]string
	SourceIdentity    string
	FederatedProvider string                  // who vouched for the user: an ARN or a host; "" = nobody
	Identity          identitypool.IdentityID // "" = a session without an identity of a pool
	Pool              identitypool.PoolID
	AMR               []string
	LoginProvider     string
}

// Session returns the facts of a role session; nil for other callers. They are shared: do not change them.
func (c Caller) Session() *SessionFacts { return c.facts }

// PrincipalARN returns the ARN of the principal to whom permissions belong, in the partition of the call: a
// session's role, or else the caller itself.
func (c Caller) PrincipalARN() string {
	if c.kind == roleSession {
		return c.shownRole()
	}
	return c.ARN
}

// SessionCaller describes an assumed-role session.
type SessionCaller struct {
	AccessKeyID string
	RoleARN     RoleARN // also gives the account
	RoleID      string
	SessionName string
	Policies    []string    // session policies: built-in names or JSON documents; none = only the role's apply
	Conditions  policy.Keys // condition keys of the session: its tags, its provider
	// TransitiveTags are the tags that the session passes on to sessions that it starts.
	TransitiveTags map[string]string
	Facts          SessionFacts
	// Guest means that the session is a guest's of the enhanced flow, whose session
	// policies come from the settings. Only explanations of refusals use it.
	Guest bool
}

// NewSessionCaller makes the Caller of an assumed-role session. Without a RoleARN, it
// returns the zero Caller.
func NewSessionCaller(s SessionCaller) Caller {
	role := s.RoleARN
	if role.IsZero() {
		return Caller{}
	}

	c := Caller{
		Account:     role.Account,
		ARN:         role.Session(s.SessionName),
		UserID:      s.RoleID + ":" + s.SessionName,
		AccessKeyID: s.AccessKeyID,
		kind:        roleSession,
		roleARN:     role,
		roleID:      s.RoleID,
		policies:    s.Policies,
		transitive:  s.TransitiveTags,
		guest:       s.Guest,
		facts:       &s.Facts,
		conditions:  make(policy.Keys, len(s.Conditions)+4),
	}
	for key, values := range s.Conditions {
		c.conditions.Set(key, values...)
	}

	// The session's own conditions must not replace the keys that identify the caller.
	c.conditions.Set("aws:PrincipalArn", role.String())
	c.conditions.Set("aws:PrincipalType", "AssumedRole")
	c.setCommon()

	return c
}

func (c *Caller) setCommon() {
	c.conditions.Set("aws:PrincipalAccount", string(c.Account))
	c.conditions.Set("aws:userid", c.UserID)
	c.conditions.Set("aws:PrincipalIsAWSService", "false")
}
