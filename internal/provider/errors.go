package provider

import (
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Fault is the rule about providers that a login breaks.
type Fault int

// The rules.
const (
	Unsupported   Fault = iota + 1 // the pool lacks the provider, or cannot prove its logins
	NoProviders                    // the pool has no login provider at all
	SameProvider                   // Key and Other name one provider
	CognitoToken                   // a Cognito token is not a provider's login
	DeveloperName                  // the pool's developer provider has no tokens
	NotIDToken                     // the value is not an ID token, which the key's provider issues
	NoIssuer                       // the token has no iss
	OtherIssuer                    // the token's iss does not fit the key
)

// Error is the refusal of a login because of its provider.
type Error struct {
	Fault      Fault
	Key, Other string // of SameProvider
	Why        *explain.Refusal
	Cause      error // may be nil
}

// Error returns a line for the log.
func (e *Error) Error() string { return e.Why.Error() }

// Unwrap returns the reason, and the cause if there is one.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Why}
	}

	return []error{e.Why, e.Cause}
}

func unsupported(why *explain.Refusal, cause error) *Error {
	return &Error{Fault: Unsupported, Why: why, Cause: cause}
}

// PartitionError refuses a provider's ARN of another partition than the pool's region.
type PartitionError struct {
	ARN, Right string // Right is the ARN in the pool's partition
	Account    identitypool.AccountID
	Partition  string // of the pool
	SAML       bool
	Why        *explain.Refusal
}

// Error returns a line for the log.
func (e *PartitionError) Error() string { return e.Why.Error() }

// Unwrap returns the reason.
func (e *PartitionError) Unwrap() error { return e.Why }

// CheckPartition returns *PartitionError for a provider's ARN that is not of the partition
// of the pool's region. It accepts other names. field is the pool's field that the ARN was
// meant for; "" = a client sent the ARN.
func CheckPartition(pool identitypool.Pool, field, arn string) error {
	partition := identitypool.Partition(pool.Region)
	if have := identitypool.PartitionOf(arn); have == "" || have == partition {
		return nil
	}

	right := identitypool.InPartition(arn, partition)
	why := providerPartition.With("partition", partition, "arn", ShownName(arn), "right", ShownName(right)).
		Of(ShownName(arn))
	if field != "" {
		why = why.At(pool.Link(field))
	}
	_, kind, _, ok := identitypool.ParseProviderARN(arn)

	return &PartitionError{
		ARN:       arn,
		Right:     right,
		Account:   pool.Account,
		Partition: partition,
		SAML:      ok && kind == identitypool.SAMLProvider,
		Why:       why,
	}
}
