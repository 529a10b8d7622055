package iam

import (
	"cmp"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

type callerKind uint8

const (
	nobody      callerKind = iota // the zero Caller: everything is denied
	accountRoot                   // an access key without a policy
	boundedUser                   // an access key with a policy
	roleSession
)

// Caller is who signed a request. The zero Caller may do nothing. Callers come
// from AccessKeys.Lookup and NewSessionCaller; what they may do is not in their
// exported members, and changing those changes nothing.
type Caller struct {
	Account     identitypool.AccountID
	ARN         string // in the partition of the call, after In
	UserID      string // what GetCallerIdentity answers as UserId
	AccessKeyID string

	kind       callerKind
	document   *policy.Document // of boundedUser
	roleARN    string           // of roleSession, as roleID
	roleID     string
	policies   []string          // of roleSession: its session policies
	conditions policy.Context    // condition keys that the caller brings with it
	transitive map[string]string // of roleSession: the tags that sessions it starts inherit
	guest      bool              // of roleSession: see SessionCaller.Guest
	limited    bool              // temporary credentials of an access key: see Temporary
	stored     string            // ARN in the partition that this server writes; "" = ARN
	partition  string            // of the call; "" = not known
}

// In returns c as who signed a call for a region of a partition: ARN is in it, and
// policies may name by it what the call is about.
func (c Caller) In(partition string) Caller {
	c.stored = cmp.Or(c.stored, c.ARN)
	c.partition = partition
	c.ARN = identitypool.InPartition(c.ARN, c.partition)
	return c
}

// Partition is that of the region that the call was signed for; "" = not known.
func (c Caller) Partition() string { return c.partition }

// shownRole is the ARN of the session's role in the partition of the call.
func (c Caller) shownRole() string { return ShownARN(c.roleARN, c.partition) }

// keyUserPath is the path of the users that access keys with a policy are.
const keyUserPath = "poolhouse/"

// newKeyCaller makes the Caller of an access key. A key without a policy is the
// root of its account; one with a policy is a user of that account.
func newKeyCaller(partition, id string, account identitypool.AccountID, document *policy.Document) Caller {
	prefix := "arn:" + partition + ":iam::" + string(account) + ":"
	c := Caller{Account: account, AccessKeyID: id, document: document, conditions: policy.Context{}}
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

// SessionCaller describes an assumed-role session.
type SessionCaller struct {
	AccessKeyID string
	RoleARN     string // also gives the account
	RoleID      string
	SessionName string
	Policies    []string       // session policies: built-in names or JSON documents; none = the role's alone
	Conditions  policy.Context // condition keys that the session carries: its tags, its provider
	// TransitiveTags are the tags that sessions inherit which this one starts.
	TransitiveTags map[string]string
	// Guest tells that the session is a guest's of the enhanced flow, whose session
	// policies are the setting's. It is for explaining a refusal.
	Guest bool
}

// NewSessionCaller makes the Caller of an assumed-role session. A session whose
// role has no valid ARN is nobody.
func NewSessionCaller(s SessionCaller) Caller {
	role, err := ParseRoleARN(s.RoleARN)
	if err != nil {
		return Caller{}
	}
	c := Caller{
		Account: role.Account, ARN: role.Session(s.SessionName), UserID: s.RoleID + ":" + s.SessionName, AccessKeyID: s.AccessKeyID,
		kind: roleSession, roleARN: s.RoleARN, roleID: s.RoleID, policies: s.Policies, transitive: s.TransitiveTags, guest: s.Guest, conditions: make(policy.Context, len(s.Conditions)+4),
	}
	for key, values := range s.Conditions {
		c.conditions.Set(key, values...)
	}
	// What identifies the caller is ours to say, not the session's.
	c.conditions.Set("aws:PrincipalArn", s.RoleARN)
	c.conditions.Set("aws:PrincipalType", "AssumedRole")
	delete(c.conditions, clockDate)
	delete(c.conditions, clockEpoch)
	c.setCommon()
	return c
}

func (c *Caller) setCommon() {
	c.conditions.Set("aws:PrincipalAccount", string(c.Account))
	c.conditions.Set("aws:userid", c.UserID)
}
