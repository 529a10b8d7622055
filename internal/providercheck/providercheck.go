// Package providercheck tests a login provider before, or after, it is registered: it fetches what the
// provider publishes and tells what a sign-in would find. It never says more about the server's
// network than a sign-in does, and is limited, because it sends requests wherever its caller wants.
//
// Start reading at Checker.Issuer.
package providercheck

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/saml"
)

// Limits of the tests of all accounts together.
const (
	perSecond = 2
	burst     = 20
)

// ErrBusy means that too many tests were asked for, by all accounts together.
var ErrBusy = errors.New("too many providers are tested at the moment")

// Client sends the requests: *outbound.Client.
type Client interface {
	idtoken.Prober
	Begin(ctx context.Context) (context.Context, func(), error)
}

// Checker tests providers. It is safe for concurrent use.
type Checker struct {
	client    Client
	directory *iam.Directory
	now       func() time.Time
	all       *rate.Limiter
}

// New returns a Checker.
func New(client Client, directory *iam.Directory, now func() time.Time) *Checker {
	return &Checker{client: client, directory: directory, now: now, all: rate.NewLimiter(perSecond, burst)}
}

// Result is the outcome of a test.
type Result struct {
	Issuer      string // URL of the issuer, or SAML entity ID
	Algorithms  []string
	Keys        []idtoken.InspectedKey
	Unusable    int
	Took        time.Duration
	CertExpires time.Time // of the TLS or the SAML certificate that ends first
	Steps       []Step
	Warnings    []string
}

// Step is one check of a test. Refusal is nil if it passed; Got then says what was found.
type Step struct {
	Check   string
	Got     string
	Refusal *explain.Refusal
}

// Issuer tests the OpenID Connect provider with an issuer URL. If the account has registered it, its
// settings count; else those that the IAM API would give it. Error: ErrBusy.
func (c *Checker) Issuer(ctx context.Context, account identitypool.AccountID, issuer string) (*Result, error) {
	p := c.directory.PlannedOIDCProvider(issuer)
	registered, err := c.directory.OIDCProvider(ctx, iam.OIDCProviderARN("aws", account, issuer))
	if err == nil && registered.URL == issuer {
		p = registered
	} else if err != nil && !errors.Is(err, iam.ErrNotFound) {
		return nil, err
	}

	return c.openID(ctx, p)
}

// Provider tests a provider that the account has registered. Errors: ErrBusy, iam.ErrNotFound.
func (c *Checker) Provider(ctx context.Context, account identitypool.AccountID, arn string) (*Result, error) {
	owner, kind, _, ok := identitypool.ParseProviderARN(arn)
	if !ok || owner != account {
		return nil, iam.ErrNotFound
	}
	if kind == "saml-provider" {
		p, err := c.directory.SAMLProvider(ctx, arn)
		if err != nil {
			return nil, err
		}
		return c.metadata(p.Provider.Metadata), nil
	}

	p, err := c.directory.OIDCProvider(ctx, arn)
	if err != nil {
		return nil, err
	}

	return c.openID(ctx, p)
}

// Metadata tests a SAML metadata document. It sends no request.
func (c *Checker) Metadata(document string) *Result {
	m, err := saml.ParseMetadata([]byte(document))
	if err == nil {
		return c.metadata(m)
	}

	why := metadataUnusable.With("fault", err.Error(), "fix", "export the metadata again")
	if fault, ok := errors.AsType[*saml.MetadataError](err); ok {
		why = metadataUnusable.With("fault", fault.Problem, "fix", fault.Fix)
	}

	return &Result{Steps: []Step{{Check: "tested metadata", Refusal: why}}}
}

func (c *Checker) metadata(m saml.Metadata) *Result {
	r := &Result{Issuer: m.EntityID}
	r.pass("tested metadata", "the entity ID "+explain.ShownText(m.EntityID))
	if !m.ValidUntil.IsZero() && !c.now().Before(m.ValidUntil) {
		r.refuse("tested metadata", metadataOld.With("end", m.ValidUntil.UTC().Format(time.RFC3339)))
	}

	usable := 0
	for _, certificate := range m.Certificates {
		if r.CertExpires.IsZero() || certificate.NotAfter.Before(r.CertExpires) {
			r.CertExpires = certificate.NotAfter
		}
		if c.now().Before(certificate.NotAfter) && !c.now().Before(certificate.NotBefore) {
			usable++
		}
		r.Keys = append(r.Keys, certificateKey(certificate))
	}
	if usable == 0 {
		r.refuse("tested certificate", certificateOld.With("count", strconv.Itoa(len(m.Certificates))))
		return r
	}
	r.pass("tested certificate", strconv.Itoa(usable)+" in force")

	return r
}

func certificateKey(c *x509.Certificate) idtoken.InspectedKey {
	return idtoken.InspectedKey{
		ID:   c.SerialNumber.Text(16),
		Type: c.PublicKeyAlgorithm.String(),
		Bits: idtoken.Bits(c.PublicKey),
	}
}

// openID fetches what a provider publishes.
func (c *Checker) openID(ctx context.Context, p iam.OIDCProvider) (*Result, error) {
	r := &Result{Issuer: p.URL, Warnings: warnings(p.URL)}
	if fault := c.directory.CheckOIDCURL(p.URL); fault != "" && p.ARN == "" {
		r.refuse("tested issuer", issuerForm.With("fault", fault))
		return r, nil
	}
	r.pass("tested issuer", "an address that can be registered")

	if !c.all.AllowN(c.now(), 1) {
		return nil, ErrBusy
	}
	ctx, end, err := c.client.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()

	in, err := idtoken.Inspect(ctx, c.client, &idtoken.Rule{
		Issuers:      []string{p.URL},
		DiscoveryURL: p.DiscoveryURL,
		JWKSURL:      p.JWKSURL,
		Policy: outbound.Policy{
			CABundle:     string(p.CABundle),
			AllowHTTP:    p.AllowHTTP,
			AllowPrivate: p.AllowPrivate,
		},
		Thumbprints:        p.Thumbprints,
		EnforceThumbprints: p.EnforceThumbprints,
	})
	r.Algorithms, r.Keys, r.Unusable = in.Algorithms, in.Keys, in.Unusable
	r.Took, r.CertExpires = in.Took, in.CertExpires
	r.addSteps(&in, err)
	if err == nil {
		r.judgeKeys(p.Algorithms)
	}

	return r, nil
}

// addSteps adds the requests, of which the last may have failed.
func (r *Result) addSteps(in *idtoken.Inspection, err error) {
	if in.Discovery != "" {
		if err != nil && in.KeySet == "" {
			r.refuse("tested document", documentUnusable.With(
				"address", explain.ShownAddress(in.Discovery), "fault", err.Error(), "fix", fixOf(err)))
			return
		}
		r.pass("tested document", explain.ShownAddress(in.Discovery))
	}

	if err != nil {
		r.refuse("tested document", documentUnusable.With(
			"address", explain.ShownAddress(in.KeySet), "fault", err.Error(), "fix", fixOf(err)))
		return
	}
	r.pass("tested document", explain.ShownAddress(in.KeySet))
}

// judgeKeys tells whether the provider has a key that tokens can be verified with.
func (r *Result) judgeKeys(accepted []string) {
	if len(accepted) == 0 {
		accepted = []string{"RS256"}
	}
	fits := slices.ContainsFunc(r.Keys, func(k idtoken.InspectedKey) bool {
		return k.Algorithm != "" && slices.Contains(accepted, k.Algorithm) ||
			k.Algorithm == "" && slices.ContainsFunc(accepted, func(algorithm string) bool {
				return idtoken.SignsWith(k.Type, algorithm)
			})
	})
	if !fits {
		r.refuse("tested keys", keysUnusable.With("algorithms", strings.Join(accepted, ", "),
			"count", strconv.Itoa(len(r.Keys)), "unusable", strconv.Itoa(r.Unusable)))
		return
	}
	r.pass("tested keys", strconv.Itoa(len(r.Keys))+" usable")
}

func (r *Result) pass(check, got string) { r.Steps = append(r.Steps, Step{Check: check, Got: got}) }

func (r *Result) refuse(check string, why *explain.Refusal) {
	r.Steps = append(r.Steps, Step{Check: check, Refusal: why})
}

func fixOf(err error) string {
	return cmp.Or(outbound.FixOf(err), "correct the document at the provider, or the issuer's URL")
}

// warnings are about a URL that works, but maybe not as its user expects.
func warnings(issuer string) (list []string) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil
	}

	if outbound.IsLoopback(u.Hostname()) {
		list = append(list, "The issuer is this machine: other machines and containers find another server there.")
	}
	if strings.HasSuffix(u.Path, "/") {
		list = append(list, "The issuer ends with a slash: the claim iss of tokens must end with it, too.")
	}
	if u.Scheme == "http" {
		list = append(list, "The issuer has no TLS: whoever is between it and this server can forge its keys.")
	}

	return list
}
