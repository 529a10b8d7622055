package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// maxBuckets is the number of buckets that a kind of limit keeps: about 10 MB.
const maxBuckets = 65536

// operationsSetting is the name of the setting with the rates of accounts.
const operationsSetting = "rate_limits.operations"

// Groups of operations, in place of an operation's name. The operations of a group that
// have no separate rate share one bucket. Signed and public come before all.
const (
	signedGroup = "signed"
	publicGroup = "public"
	allGroup    = "*"
)

// groupOf returns the narrowest group of an operation.
func groupOf(op awsapi.Operation) string {
	if op.Signed() {
		return signedGroup
	}
	return publicGroup
}

// awsRates returns the request quotas that AWS documents, per account. Burst is the quota of
// one second.
//
// Identity pools: Amazon Cognito Developer Guide, "Quotas in Amazon Cognito"
// (https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html, table
// "identity pools API operation request rate quotas"). STS: IAM User Guide, "IAM and
// AWS STS quotas", section "STS request quotas"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html): one
// quota for the operations that are called with credentials. AWS documents no rates
// of IAM and of the other operations.
func awsRates() map[string]Rate {
	return map[string]Rate{
		"cognito-identity:GetId":                              {PerSecond: 25},
		"cognito-identity:GetOpenIdToken":                     {PerSecond: 200},
		"cognito-identity:GetCredentialsForIdentity":          {PerSecond: 200},
		"cognito-identity:GetOpenIdTokenForDeveloperIdentity": {PerSecond: 50},
		"cognito-identity:ListIdentities":                     {PerSecond: 5},
		"cognito-identity:DeleteIdentities":                   {PerSecond: 10},
		"cognito-identity:TagResource":                        {PerSecond: 5},
		"cognito-identity:UntagResource":                      {PerSecond: 5},
		"cognito-identity:ListTagsForResource":                {PerSecond: 10},
		"sts:signed":                                          {PerSecond: 600},
	}
}

// Validate returns an error for each name and rate that Accounts cannot have, with its place
// in the settings.
func (l Settings) Validate(apis []awsapi.API) error {
	known, rates := names(apis), l.Operations
	var faults []error
	if l.Preset != "" && l.Preset != PresetAWS {
		faults = append(faults, fmt.Errorf("rate_limits.preset %q: use %s, or leave it out", l.Preset, PresetAWS))
	}

	for _, name := range slices.Sorted(maps.Keys(rates)) {
		if !slices.Contains(known, name) {
			fault := fmt.Errorf("%s.%s: is not SERVICE:OPERATION, nor a group that has operations: "+
				"SERVICE:signed, SERVICE:public or SERVICE:*", operationsSetting, name)
			if near := explain.Nearest(name, known); near != "" {
				fault = fmt.Errorf("%w; did you mean %s?", fault, near)
			}
			faults = append(faults, fault)
			continue
		}

		if r := rates[name]; r.limits() {
			if err := r.Validate(); err != nil {
				faults = append(faults, fmt.Errorf("%s.%s: %w", operationsSetting, name, err))
			}
		}
	}

	return errors.Join(faults...)
}

// names returns all names that the setting may have: operations, and groups with operations.
func names(apis []awsapi.API) []string {
	var list []string
	for _, api := range apis {
		list = append(list, api.Name+":"+allGroup)
		for _, op := range api.Operations {
			list = append(list, api.Name+":"+groupOf(op), api.Name+":"+op.Name())
		}
	}
	slices.Sort(list)

	return slices.Compact(list)
}

// Accounts limits the rate at which each account calls an operation (awsapi.Limiter).
type Accounts struct {
	limits   map[operation]limit
	buckets  *table[accountBucket, *rate.Limiter] // cache: account rates
	now      func() time.Time
	reporter *Reporter
}

type operation struct{ service, name string }

// limit is a rate with its name in the settings.
type limit struct {
	name string
	Rate
}

// accountBucket identifies the bucket of an account for an operation or a group.
type accountBucket struct{ account, limit string }

// NewAccounts returns limits with these rates, by operation or group. Settings.Validate
// must accept the rates.
func NewAccounts(rates map[string]Rate, apis []awsapi.API, now func() time.Time, reporter *Reporter) *Accounts {
	a := &Accounts{limits: map[operation]limit{}, now: now, reporter: reporter}

	var life time.Duration
	for _, api := range apis {
		for _, op := range api.Operations {
			l, ok := find(rates, api.Name, op)
			if !ok {
				continue
			}
			a.limits[operation{service: api.Name, name: op.Name()}] = l
			life = max(life, l.refill())
		}
	}
	a.buckets = newTable[accountBucket, *rate.Limiter](maxBuckets, life)

	return a
}

// find returns the limit of an operation, or else that of the narrowest group.
func find(rates map[string]Rate, service string, op awsapi.Operation) (limit, bool) {
	for _, name := range []string{op.Name(), groupOf(op), allGroup} {
		name = service + ":" + name
		if r, ok := rates[name]; ok {
			return limit{name: name, Rate: r}, r.limits()
		}
	}
	return limit{}, false
}

// Count implements awsapi.Limiter.
func (a *Accounts) Count(ctx context.Context, account, service, name string) error {
	l, ok := a.limits[operation{service: service, name: name}]
	if !ok {
		return nil
	}

	now := a.now()
	bucket := a.buckets.getOrAdd(now, accountBucket{account: account, limit: l.name}, l.bucket)
	if bucket.AllowN(now, 1) {
		return nil
	}

	setting, called := operationsSetting+"."+l.name, service+":"+name
	if l.name != called {
		called = "the operations of " + l.name + " together"
	}
	why := accountRefused.With("rate", l.String(), "setting", setting, "account", account, "calls", called)

	return a.reporter.refuse(ctx, accountLimit, name, wait(bucket, now), why.At(explain.Setting(setting)))
}
