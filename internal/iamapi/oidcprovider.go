package iamapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Quotas of a provider (IAM User Guide, "IAM and AWS STS quotas").
const (
	maxClientIDs   = 100
	maxThumbprints = 5
)

// oidcWords returns the texts about the provider with that ARN.
func oidcWords(arn string) words {
	return words{
		what:    "OpenID Connect provider",
		section: "oidc_providers",
		missing: "OpenIDConnect Provider not found for arn " + arn,
		quota:   fmt.Sprintf("Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", iam.MaxOIDCProviders),
	}
}

func checkThumbprints(list []string) error {
	if len(list) > maxThumbprints {
		return refuse(invalidInput, thumbprintCount.With(
			"limit", strconv.Itoa(maxThumbprints), "count", strconv.Itoa(len(list)),
		))
	}

	for _, t := range list {
		for _, c := range t {
			if c < '0' || c > '9' && c < 'A' || c > 'F' && c < 'a' || c > 'f' {
				return refuse(invalidInput, thumbprintDigits.With("thumbprint", t))
			}
		}
	}

	return nil
}

// distinct returns list without repetitions.
func distinct(list []string) (all []string) {
	for _, v := range list {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

func tooManyClientIDs(count int) error {
	return refuse(limitExceeded, clientIDQuota.With("limit", strconv.Itoa(maxClientIDs), "count", strconv.Itoa(count)))
}

type createOIDCProviderInput struct {
	Url            *string
	ClientIDList   []string
	ThumbprintList []string
	Tags           []tag
}

func (in *createOIDCProviderInput) Validate() []awsapi.Violation {
	v := checked(required("url", in.Url, &providerURL))
	v.List("clientIDList", in.ClientIDList, &awsapi.List{Element: &clientID}, false)
	v.List("thumbprintList", in.ThumbprintList, &awsapi.List{Element: &thumbprint}, false)
	return checkTags(v, in.Tags, false)
}

type createOIDCProviderOutput struct {
	OpenIDConnectProviderArn string
	Tags                     list[tag]
}

// createOIDCProvider does not contact the provider: the first token makes the
// server fetch its keys.
func (s *Service) createOIDCProvider(
	ctx context.Context, c awsapi.Caller, in *createOIDCProviderInput,
) (*createOIDCProviderOutput, error) {
	switch problem := s.view.Directory.CheckOIDCURL(*in.Url); problem {
	case "":
	case "has no TLS", "does not begin with https://":
		return nil, refuse(invalidInput, providerURLScheme.With())
	default:
		return nil, refuse(invalidInput, providerURLForm.With("problem", problem))
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}

	clients := distinct(in.ClientIDList)
	if len(clients) > maxClientIDs {
		return nil, tooManyClientIDs(len(clients))
	}
	tags, err := addTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}

	p, err := s.view.OIDCProviders().Create(ctx, store.OIDCProvider{
		Account:     accountOf(c),
		URL:         *in.Url,
		ClientIDs:   clients,
		Thumbprints: in.ThumbprintList,
		Tags:        tags,
	})
	if err != nil {
		w := oidcWords("")
		w.conflict = "Provider with url " + *in.Url + " already exists."
		return nil, w.fault(err)
	}

	return &createOIDCProviderOutput{
		OpenIDConnectProviderArn: s.view.OIDCProviders().ARN(p),
		Tags:                     tagsOf(p.Tags),
	}, nil
}

// oidcInput is the input of operations on a provider that need no more than its ARN.
type oidcInput struct{ byOIDC }

func (in *oidcInput) Validate() []awsapi.Violation { return checked(in.field()).Violations() }

type getOIDCProviderOutput struct {
	Url            string // without https://; http://, which AWS does not accept, stays
	ClientIDList   list[string]
	ThumbprintList list[string]
	CreateDate     string
	Tags           list[tag]
}

func (s *Service) getOIDCProvider(
	ctx context.Context, c awsapi.Caller, in *oidcInput,
) (*getOIDCProviderOutput, error) {
	p, err := in.find(ctx, s, c)
	if err != nil {
		return nil, err
	}

	url := p.Key()
	if strings.HasPrefix(p.URL, "http://") {
		url = p.URL
	}

	return &getOIDCProviderOutput{
		Url:            url,
		ClientIDList:   list[string]{Members: p.ClientIDs},
		ThumbprintList: list[string]{Members: p.Thumbprints},
		CreateDate:     timestamp(p.Created),
		Tags:           tagsOf(p.Tags),
	}, nil
}

type listOIDCProvidersInput struct{}

type arnEntry struct{ Arn string }

type listOIDCProvidersOutput struct {
	OpenIDConnectProviderList list[arnEntry]
}

func (s *Service) listOIDCProviders(
	ctx context.Context, c awsapi.Caller, _ *listOIDCProvidersInput,
) (*listOIDCProvidersOutput, error) {
	providers := s.view.OIDCProviders()
	found, err := providers.List(ctx, accountOf(c))
	if err != nil {
		return nil, err
	}

	out := &listOIDCProvidersOutput{}
	for _, p := range found {
		out.OpenIDConnectProviderList.Members = append(
			out.OpenIDConnectProviderList.Members, arnEntry{Arn: providers.ARN(p)})
	}

	return out, nil
}

type clientIDInput struct {
	byOIDC
	ClientID *string
}

func (in *clientIDInput) Validate() []awsapi.Violation {
	return checked(in.field(), required("clientID", in.ClientID, &clientID)).Violations()
}

func (s *Service) addClientID(ctx context.Context, c awsapi.Caller, in *clientIDInput) (*awsapi.NoOutput, error) {
	return nil, in.update(ctx, s, c, func(p *store.OIDCProvider) error {
		p.ClientIDs = distinct(append(p.ClientIDs, *in.ClientID))
		if len(p.ClientIDs) > maxClientIDs {
			return tooManyClientIDs(len(p.ClientIDs))
		}
		return nil
	})
}

func (s *Service) removeClientID(
	ctx context.Context, c awsapi.Caller, in *clientIDInput,
) (*awsapi.NoOutput, error) {
	return nil, in.update(ctx, s, c, func(p *store.OIDCProvider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == *in.ClientID })
		return nil
	})
}

type updateThumbprintInput struct {
	byOIDC
	ThumbprintList []string
}

func (in *updateThumbprintInput) Validate() []awsapi.Violation {
	v := checked(in.field())
	v.List("thumbprintList", in.ThumbprintList, &awsapi.List{Min: 1, Element: &thumbprint}, true)
	return v.Violations()
}

func (s *Service) updateThumbprint(
	ctx context.Context, c awsapi.Caller, in *updateThumbprintInput,
) (*awsapi.NoOutput, error) {
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	return nil, in.update(ctx, s, c, func(p *store.OIDCProvider) error {
		p.Thumbprints = in.ThumbprintList
		return nil
	})
}

func (s *Service) deleteOIDCProvider(
	ctx context.Context, c awsapi.Caller, in *oidcInput,
) (*awsapi.NoOutput, error) {
	w := oidcWords(*in.OpenIDConnectProviderArn)
	w.missing = "OpenId connect Provider " + *in.OpenIDConnectProviderArn + " cannot be found."
	return nil, w.fault(s.view.OIDCProviders().Delete(ctx, accountOf(c), *in.OpenIDConnectProviderArn))
}
