package stsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// maxChained is the longest session that another role's session can start
// (IAM User Guide, "Role chaining").
const maxChained = time.Hour

// Messages of STS. Those for web identities are observed, the others documented.
const (
	messageNotAuthorized = "Not authorized to perform "
	messageDuration      = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
	messageChained       = "The requested DurationSeconds exceeds the 1 hour session limit for roles " +
		"assumed by role chaining"
	messageTooLarge     = "The session policies and session tags do not fit the session token."
	messageTransitive   = "The specified transitive tag key must be included in the requested tags."
	messageDuplicateTag = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
	messageInherited    = "One of the specified transitive tag keys can't be set because it conflicts " +
		"with a transitive tag key from the calling session."
	messageNoSecondFactor = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
)

// entry is one request to assume a role. newEntry fills what the three operations share. The
// operation finds the role and adds what it has proved about the asker. checkTags, checkDuration
// and checkTrust decide, in an order that each operation states; grant mints the session.
type entry struct {
	assume.Attempt

	text          string                 // RoleArn as the request has it
	arn           iam.RoleARN            // zero if text is not a role's ARN, because of arnErr
	arnErr        error                  // nil = arn is set
	askerAccount  identitypool.AccountID // "" = no account of ours vouches for the request
	undefinedRole bool                   // nobody defined the role, and it is accepted (APIOptions.AcceptUnknown)
	duration      time.Duration
	predecessor   identitypool.Predecessor // of the identity that the session is for

	inline   *string
	managed  []policyDescriptor
	minBytes int
}

// sessionInput has the members that the operations share.
type sessionInput struct {
	role     *string
	policy   *string
	policies []policyDescriptor
	seconds  *int
	minBytes *int
}

// newEntry reads the members that the operations share. The partition comes from the role's ARN,
// because an unsigned call has no region.
func newEntry(ctx context.Context, action, region string, in sessionInput) entry {
	e := entry{
		Attempt:  assume.NewAttempt(policy.Client(awsapi.RecordFrom(ctx).Client), action),
		text:     *in.role,
		duration: seconds(in.seconds, assume.DefaultDuration),
		inline:   in.policy,
		managed:  in.policies,
		minBytes: number(in.minBytes),
	}
	e.arn, e.arnErr = iam.ParseRoleARN(e.text)
	e.Region, e.Partition = region, identitypool.PartitionOf(e.text)

	return e
}

// checkTrust evaluates the role's trust policy for every action of e. An undefined role has
// none.
func (e *entry) checkTrust(ctx context.Context, now time.Time) error {
	if e.undefinedRole {
		return nil
	}
	return e.Trusted(ofRole(ctx, e.Role.Account), now)
}

// checkTags refuses tags that STS does not accept, and transitive keys without a tag.
func (e *entry) checkTags(ctx context.Context) error {
	trace := e.ofCaller(ctx)
	if err := refuseTags(trace, e.Tags); err != nil {
		return err
	}

	for _, key := range e.Transitive {
		if _, ok := e.Tags[key]; !ok {
			return awsapi.Refused("ValidationError", trace.Refuse(transitiveWithoutTag.With()), messageTransitive)
		}
	}

	return nil
}

// refuseTags refuses tags that STS does not accept.
func refuseTags(trace *explain.Trace, tags map[string]string) error {
	if why := trace.Refuse(session.CheckTags(tags)); why != nil {
		return awsapi.Refused("ValidationError", why, "The session tags are not valid: %s.", why.Got)
	}
	return nil
}

// checkDuration compares the duration with the role's maximum.
func (e *entry) checkDuration(ctx context.Context) error {
	if e.duration <= e.Role.MaxSession {
		return nil
	}

	instead := durationElsewhere.With("duration", e.duration.String(), "account", string(e.Role.Account)).Step()
	trace := explain.FromContext(ctx).Within(string(e.Role.Account), instead)

	role := assume.RoleIn(e.Role, e.Partition)
	why := durationOverRole.With("limit", e.Role.MaxSession.String(), "duration", e.duration.String()).
		Of(role.ARN.String()).
		At(assume.LinkTo(role, "MaxSessionDuration", "max_session_duration"))

	return awsapi.Refused("ValidationError", trace.Refuse(why), messageDuration)
}

// narrowing is what a request says about its session policies.
type narrowing struct {
	inline    *string
	managed   []policyDescriptor
	account   identitypool.AccountID // that may have the managed policies, beside AWS
	partition string                 // of their ARNs
}

// sessionPolicies reads the session policies of a request. The session token carries
// them, so whoever opens it needs nothing else.
func (a *API) sessionPolicies(ctx context.Context, trace *explain.Trace, in narrowing) ([]string, error) {
	var list []string
	size := 0

	add := func(document string) error {
		size += utf8.RuneCountInString(document)
		if _, err := policy.ParseIdentity(document); err != nil {
			return err
		}
		list = append(list, compact(document))

		return nil
	}

	if in.inline != nil {
		if err := add(*in.inline); err != nil {
			why := trace.Refuse(inlinePolicy.With("fault", err.Error()))
			return nil, awsapi.Refused("MalformedPolicyDocument", why, "%s", oneLine(err.Error()))
		}
	}

	seen := map[string]bool{}
	for _, d := range in.managed {
		arn := *d.ARN
		if err := a.checkPartition(arn, in.partition); err != nil {
			return nil, err
		}
		if arn = identitypool.InPartition(arn, in.partition); seen[arn] {
			why := trace.Refuse(policiesTwice.With())
			return nil, awsapi.Refused("ValidationError", why, "The session policies have a duplicate ARN.")
		}
		seen[arn] = true

		document, err := a.managedPolicy(ctx, in.account, arn)
		if errors.Is(err, iam.ErrNotFound) {
			why := trace.Refuse(managedPolicyMissing.With().Of(printableARN(arn)))
			return nil, awsapi.Refused(
				"ValidationError", why, "Policy %s does not exist or is not attachable.", printableARN(arn),
			)
		} else if err != nil {
			return nil, err
		}

		if err := add(document); err != nil {
			why := trace.Refuse(managedPolicyForm.With("fault", err.Error()).Of(arn))
			return nil, awsapi.Refused("MalformedPolicyDocument", why, "%s", oneLine(err.Error()))
		}
	}

	if size > maxSessionPolicies {
		why := trace.Refuse(policiesSize.With("limit", strconv.Itoa(maxSessionPolicies), "size", strconv.Itoa(size)))
		return nil, awsapi.Refused(
			"PackedPolicyTooLarge", why,
			"The session policies have %d characters together; %d are allowed.", size, maxSessionPolicies,
		)
	}

	return list, nil
}

// managedPolicy finds a managed policy of the account or of AWS.
func (a *API) managedPolicy(ctx context.Context, account identitypool.AccountID, arn string) (string, error) {
	parts := strings.SplitN(arn, ":", 6)
	if a.Policies == nil || len(parts) != 6 || parts[2] != "iam" ||
		parts[4] != string(account) && parts[4] != "aws" || !strings.HasPrefix(parts[5], "policy/") {
		return "", iam.ErrNotFound
	}
	return a.Policies.ManagedPolicyDocument(ctx, arn)
}

// compact removes the blanks from a JSON document that was parsed before.
func compact(document string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(document); i++ {
		c := document[i]
		switch {
		case quoted && c == '\\':
			b.WriteByte(c)
			i++
			c = document[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		}

		b.WriteByte(c)
	}
	if !json.Valid([]byte(b.String())) {
		return document
	}

	return b.String()
}

// grant mints the session of an entry that may be let in.
func (a *API) grant(ctx context.Context, e *entry, content session.Session) (granted, error) {
	policies, err := a.sessionPolicies(ctx, e.ofCaller(ctx), narrowing{
		inline:    e.inline,
		managed:   e.managed,
		account:   e.Role.Account,
		partition: e.Partition,
	})
	if err != nil {
		return granted{}, err
	}

	now := a.Now()
	content.Account = e.Role.Account
	content.RoleARN = e.Role.ARN
	content.RoleID = e.Role.ID
	content.SessionName = e.SessionName
	content.Tags = e.Tags
	content.TransitiveTagKeys = e.Transitive
	content.SourceIdentity = e.SourceIdentity
	content.Policies = policies
	content.Issued = e.predecessor.After(now)
	content.Expires = now.Add(e.duration)

	g, err := a.mint(ctx, content, e.minBytes)
	g.partition = e.Partition

	return g, err
}

// mint mints a session token, and words STS's refusal of one that is too large.
func (a *API) mint(ctx context.Context, wanted session.Session, minBytes int) (granted, error) {
	c, err := a.Sessions.MintSized(ctx, wanted, minBytes)
	if errors.Is(err, session.ErrTooLarge) {
		why := tokenSize.With("limit", strconv.Itoa(session.MaxTokenBytes), "fault", err.Error())
		return granted{}, awsapi.Refused("PackedPolicyTooLarge", why, messageTooLarge).Because(err)
	} else if err != nil {
		return granted{}, err
	}
	return granted{Credentials: c, session: wanted}, nil
}

// granted is a session that was minted.
type granted struct {
	session.Credentials
	session   session.Session
	partition string // of the answer's ARNs; "" = the role's
}

type credentialsResult struct {
	AccessKeyId     string
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

func (g granted) credentials() credentialsResult {
	return credentialsResult{
		AccessKeyId:     g.AccessKeyID,
		SecretAccessKey: g.SecretAccessKey,
		SessionToken:    g.SessionToken,
		Expiration:      g.Expiration.UTC().Format("2006-01-02T15:04:05Z"),
	}
}

type assumedRoleUser struct {
	AssumedRoleId string
	Arn           string
}

func (g granted) user() assumedRoleUser {
	name := g.session.SessionName
	return assumedRoleUser{
		AssumedRoleId: g.session.RoleID + ":" + name,
		Arn:           g.session.RoleARN.In(g.partition).Session(name),
	}
}

// sizes are an answer's members about the size of the token; a member is absent where
// STS leaves it out.
type sizes struct {
	PackedPolicySize        *int `xml:",omitempty"`
	SessionTokenSize        int
	SessionTokenUtilization int
}

func (g granted) sizes() sizes {
	s := sizes{
		SessionTokenSize:        len(g.SessionToken),
		SessionTokenUtilization: percent(len(g.SessionToken), session.MaxTokenBytes),
	}

	packed := 0
	for key, value := range g.session.Tags {
		packed += len(key) + len(value)
	}

	for _, p := range g.session.Policies {
		packed += len(p)
	}

	if packed > 0 {
		s.PackedPolicySize = new(min(100, percent(packed, session.MaxTokenBytes/4*3)))
	}

	return s
}

// notAuthorized returns STS's one answer both for a role that does not exist and for a
// role that does not trust the token.
func notAuthorized(action string, cause error) error {
	why, _ := errors.AsType[*explain.Refusal](cause)
	return awsapi.RefusedAs(awsapi.AccessDenied, why, messageNotAuthorized+action).Because(cause)
}

// oneLine makes the parser's message fit for an answer.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}

// printableARN returns an ARN from a request in a form that messages may repeat.
func printableARN(arn string) string {
	const longest = 256
	if len(arn) > longest || strings.ContainsFunc(arn, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "(an unusual ARN)"
	}
	return arn
}

// tokensAccount names a token's account in explanations.
const tokensAccount = "that of the token's pool"

// findRole finds the role for a token. The trace gets the reason for a refusal, the client
// does not.
func (a *API) findRole(ctx context.Context, e *entry) error {
	if e.arnErr != nil {
		why := roleForm.With("role", printableARN(e.text), "example", exampleARN(a.Region, ":role/NAME"))
		return notAuthorized(e.Action, fmt.Errorf("%w: %w", why, e.arnErr))
	}

	role, err := a.Roles.Role(ctx, e.arn)
	switch {
	case errors.Is(err, iam.ErrNotFound):
		return notAuthorized(e.Action, explainMissing(ctx, e.arn, e.askerAccount, tokensAccount))
	case err != nil:
		return fmt.Errorf("stsapi: %w", err)
	}

	e.Role = role
	reached(ctx, role)
	ofRole(ctx, role.Account).Pass("role", e.text)

	return nil
}

// stringList reads a list of strings, or one string.
func stringList(v any) ([]string, bool) {
	switch x := v.(type) {
	case string:
		return []string{x}, true
	case []string:
		return slices.Clone(x), true
	case []any:
		list := make([]string, 0, len(x))
		for _, element := range x {
			s, ok := element.(string)
			if !ok {
				return nil, false
			}
			list = append(list, s)
		}

		return list, true
	}

	return nil, false
}
