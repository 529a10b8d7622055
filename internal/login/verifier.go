package login

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Verifier verifies logins. It holds what providers publish, and refreshes it in
// the background until Close.
type Verifier struct {
	o       Options // with every default filled in
	now     func() time.Time
	log     *slog.Logger
	fetcher *fetcher

	discoveries *bounded[discoveryKey, *published[string]] // cache: discovery documents
	keySets     *bounded[keySetKey, *keySet]               // cache: key sets
	proved      *lru.Cache[proof, struct{}]                // cache: proofs
	answers     *answers                                   // of X

	root       context.Context // ends with Close
	stop       context.CancelFunc
	background chan struct{} // one element per refresh under way

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// Discovery documents and keys are shared by every pool that trusts the same
// provider under the same policy.
type discoveryKey struct {
	issuer, url string
	policy      policy
}

type keySetKey struct {
	url    string
	policy policy
}

// New returns a Verifier. It makes no connection before a login needs one.
func New(o Options) *Verifier {
	o.Skew = cmp.Or(o.Skew, DefaultSkew)
	o.FreshMin = cmp.Or(o.FreshMin, 5*time.Minute)
	o.FreshMax = max(cmp.Or(o.FreshMax, time.Hour), o.FreshMin)
	o.MaxStale = max(cmp.Or(o.MaxStale, 24*time.Hour), o.FreshMax)
	o.RefetchPeriod = cmp.Or(o.RefetchPeriod, 3*time.Second)
	o.FetchTimeout = cmp.Or(o.FetchTimeout, 5*time.Second)
	o.DialTimeout = cmp.Or(o.DialTimeout, 2*time.Second)
	o.MaxProviders = max(1, cmp.Or(o.MaxProviders, 1024))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	v := &Verifier{
		o: o, now: o.Now, log: o.Logger,
		fetcher: &fetcher{
			resolver: o.Resolver, dial: o.Dial, dialTimeout: o.DialTimeout, fetchTimeout: o.FetchTimeout, now: o.Now,
			breakers: newBounded[breakerKey, *breaker](o.MaxProviders), transports: newBounded[policy, pooledTransport](o.MaxProviders),
		},
		discoveries: newBounded[discoveryKey, *published[string]](o.MaxProviders),
		keySets:     newBounded[keySetKey, *keySet](o.MaxProviders),
		answers:     newAnswers(maxAnswers),
		background:  make(chan struct{}, maxBackground),
	}
	v.proved, _ = lru.New[proof, struct{}](maxProved) // fails only for a size below 1
	v.root, v.stop = context.WithCancel(context.Background())
	return v
}

// Close stops the background work and waits for it. Logins that need to ask
// their provider are Unavailable afterwards.
func (v *Verifier) Close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.stop()
	v.running.Wait()
	v.fetcher.close()
}

// begin announces work that Close waits for; false once closed.
func (v *Verifier) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.running.Add(1)
	return true
}

func (v *Verifier) end() { v.running.Done() }

// inBackground runs work beside the calls. It reports false, and runs nothing,
// when enough is running or the Verifier is closed.
func (v *Verifier) inBackground(work func()) bool {
	select {
	case v.background <- struct{}{}:
	default:
		return false
	}
	if !v.begin() {
		<-v.background
		return false
	}
	go func() {
		defer func() {
			<-v.background
			v.end()
		}()
		work()
	}()
	return true
}

// proveSignature checks a token's signature with its provider's keys. Only the
// trust says where those are; the token does not.
func (v *Verifier) proveSignature(ctx context.Context, t *Trust, now time.Time, token *idToken) error {
	p := policyOf(t)
	if address, held := v.heldKeysURL(t, p, now); held {
		set := v.keySet(address, p)
		if e, held := set.document.held(now); held {
			if reason := v.prove(e.value, token); reason == nil || token.keyID != "" && !errors.Is(reason, errUnknownKey) {
				return reason
			}
		}
	}
	// The provider may have to be asked. One deadline holds for all of it.
	ctx, cancel := context.WithTimeout(ctx, v.o.FetchTimeout)
	defer cancel()
	address := t.JWKSURL
	if address == "" {
		e, err := v.discovery(t, p).get(ctx, now)
		if err != nil {
			return err
		}
		address = e.value
	}
	return v.keySet(address, p).prove(ctx, now, token)
}

// heldKeysURL returns where a provider's keys are, if that is known without asking.
func (v *Verifier) heldKeysURL(t *Trust, p policy, now time.Time) (string, bool) {
	if t.JWKSURL != "" {
		return t.JWKSURL, true
	}
	e, held := v.discovery(t, p).held(now)
	if !held {
		return "", false
	}
	return e.value, true
}

func (v *Verifier) discovery(t *Trust, p policy) *published[string] {
	issuer := t.Issuers[0]
	return v.discoveries.get(discoveryKey{issuer, t.DiscoveryURL, p}, func() *published[string] {
		return &published[string]{v: v, url: discoveryURL(t), policy: p, parse: func(body []byte) (string, error) {
			return parseDiscovery(body, issuer, p.allowHTTP)
		}}
	})
}

func (v *Verifier) keySet(address string, p policy) *keySet {
	return v.keySets.get(keySetKey{address, p}, func() *keySet {
		missing, err := lru.New[string, time.Time](maxMissing)
		if err != nil {
			panic(err) // only for a size below 1
		}
		return &keySet{document: published[*keys]{v: v, url: address, policy: p, parse: parseKeySet}, missing: missing}
	})
}
