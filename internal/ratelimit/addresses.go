package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// AddressOptions configures Addresses.
type AddressOptions struct {
	Guests        Rate // new guests of one address
	RefusedLogins Rate // refused logins of one address
	// BehindProxy means that a proxy names the clients' addresses, which may be private.
	BehindProxy bool
	Now         func() time.Time
	Reporter    *Reporter
	Logger      *slog.Logger
}

// Addresses limits unproven clients by address. They can make guests, which are durable
// writes, and send logins that are refused, which cost a signature check or a question to
// a provider. Calls with a verified signature count for their account (Accounts) instead.
// The nil Addresses limits nothing.
//
// Without BehindProxy, peers on loopback and private networks are not limited: they are
// proxies, load balancers and container bridges. Their address is that of all clients
// behind them, and the header with the client's address cannot be trusted. Peers without
// an address are not limited either. The log has one line about each case.
type Addresses struct {
	AddressOptions
	guests, refused *table[netip.Prefix, *rate.Limiter] // cache: address rates

	// proven has the hashes of credentials that were accepted lately. An office whose
	// refused logins have emptied the bucket can still use those. A credential is
	// forgotten when it is refused.
	proven *table[uint64, struct{}] // cache: accepted credentials
	seed   maphash.Seed

	noAddress, private sync.Once
}

// provenFor is the time for which an accepted credential is remembered: the lifetime
// of most ID tokens.
const provenFor = time.Hour

// NewAddresses returns limits by address.
func NewAddresses(o AddressOptions) *Addresses {
	a := &Addresses{AddressOptions: o, seed: maphash.MakeSeed()}
	if o.Guests.limits() {
		a.guests = newTable[netip.Prefix, *rate.Limiter](maxBuckets, o.Guests.refill())
	}
	if o.RefusedLogins.limits() {
		a.refused = newTable[netip.Prefix, *rate.Limiter](maxBuckets, o.RefusedLogins.refill())
		a.proven = newTable[uint64, struct{}](maxBuckets, provenFor)
	}

	return a
}

// MayMakeGuest refuses the call of a client that has made too many guests. It takes
// no token from the bucket: call MakeGuest after all other checks.
func (a *Addresses) MayMakeGuest(ctx context.Context) error {
	source, ok := a.source(ctx)
	if !ok || a.guests == nil {
		return nil
	}

	now := a.Now()
	bucket, ok := a.guests.get(now, source)
	if !ok || wait(bucket, now) == 0 {
		return nil
	}

	return a.refuseGuest(ctx, source, bucket, now)
}

// MakeGuest takes a token for a guest who is about to be written.
func (a *Addresses) MakeGuest(ctx context.Context) error {
	source, ok := a.source(ctx)
	if !ok || a.guests == nil {
		return nil
	}

	now := a.Now()
	bucket := a.guests.getOrAdd(now, source, a.Guests.bucket)
	if bucket.AllowN(now, 1) {
		return nil
	}

	return a.refuseGuest(ctx, source, bucket, now)
}

func (a *Addresses) refuseGuest(ctx context.Context, source netip.Prefix, bucket *rate.Limiter, now time.Time) error {
	why := guestsRefused.With("rate", a.Guests.String(), "address", shown(source)).
		At(explain.Setting("address_limits.guest_rate"))
	return a.Reporter.refuse(ctx, guestLimit, awsapi.RecordFrom(ctx).Operation, wait(bucket, now), why)
}

// MayLogin refuses the call of a client with too many refused logins, before its logins
// (credentials by provider) are verified. Credentials that were accepted lately pass until
// they are refused.
func (a *Addresses) MayLogin(ctx context.Context, logins map[string]string) error {
	source, ok := a.source(ctx)
	if !ok || a.refused == nil {
		return nil
	}

	now := a.Now()
	bucket, ok := a.refused.get(now, source)
	if !ok || wait(bucket, now) == 0 || a.wereProven(now, logins) {
		return nil
	}

	why := loginsRefused.With("rate", a.RefusedLogins.String(), "address", shown(source)).
		At(explain.Setting("address_limits.refused_login_rate"))

	return a.Reporter.refuse(ctx, refusedLoginsLimit, awsapi.RecordFrom(ctx).Operation, wait(bucket, now), why)
}

// Checked records the result for one credential: err is the error of its verification, nil
// if it was accepted. Only a refusal of the credential takes a token from the bucket: not a
// provider that does not answer, a fault of this server, or another limit. Call it where
// the credential is verified, so that refusals for other reasons do not count.
func (a *Addresses) Checked(ctx context.Context, credential string, err error) {
	source, ok := a.source(ctx)
	if !ok || a.refused == nil {
		return
	}

	now := a.Now()
	switch {
	case err == nil:
		a.proven.getOrAdd(now, a.hash(credential), func() struct{} { return struct{}{} })
	case isRefusal(err):
		a.proven.remove(a.hash(credential)) // if it has expired, for example, it stays refused
		a.refused.getOrAdd(now, source, a.RefusedLogins.bucket).AllowN(now, 1)
	}
}

// isRefusal reports whether err is about the credentials of the call.
func isRefusal(err error) bool {
	refused, ok := errors.AsType[*awsapi.Error](err)
	if !ok || refused.Kind == awsapi.InternalError || refused.Kind == awsapi.Throttled {
		return false
	}

	_, unavailable := errors.AsType[*login.Unavailable](err)
	return !unavailable
}

// wereProven reports whether there are logins and all were accepted lately.
func (a *Addresses) wereProven(now time.Time, logins map[string]string) bool {
	for _, c := range logins {
		if _, ok := a.proven.get(now, a.hash(c)); !ok {
			return false
		}
	}

	return len(logins) > 0
}

// hash returns a hash by which a credential is recognised. It gives no access: a
// credential with a known hash is verified like all others.
func (a *Addresses) hash(credential string) uint64 { return maphash.String(a.seed, credential) }

// source returns the source (Source) of a call's client; false = not limited.
func (a *Addresses) source(ctx context.Context) (netip.Prefix, bool) {
	if a == nil {
		return netip.Prefix{}, false
	}

	record := awsapi.RecordFrom(ctx)
	if record.AccessKeyID != "" {
		return netip.Prefix{}, false
	}

	ip := record.Client.IP
	switch {
	case !ip.IsValid():
		a.noAddress.Do(a.warnNoAddress)
		return netip.Prefix{}, false
	case !a.BehindProxy && internal(ip):
		if !ip.IsLoopback() {
			a.private.Do(func() {
				a.Logger.Info("address_limits do not count clients on private networks; " +
					"set behind_proxy if a proxy is one of them")
			})
		}

		return netip.Prefix{}, false
	}

	return Source(ip), true
}

func (a *Addresses) warnNoAddress() {
	reason := "the connection has no IP address"
	if a.BehindProxy {
		reason = "behind_proxy is set, and the last entry of X-Forwarded-For is missing or no IP address"
	}
	a.Logger.Warn("address_limits do not count clients whose address cannot be told", "reason", reason)
}

// shown returns a source as text for traces: a single address without its prefix length.
func shown(source netip.Prefix) string {
	if source.IsSingleIP() {
		return source.Addr().String()
	}
	return fmt.Sprint(source)
}
