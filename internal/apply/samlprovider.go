package apply

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// samlProvider is a SAML provider.
type samlProvider struct {
	common

	Name                 string `file:"fixed"`
	SamlMetadataDocument string `file:"required"`
	Tags                 tags
}

func (*samlProvider) typeName() string { return "AWS::IAM::SAMLProvider" }

func (p *samlProvider) key(Resource) string { return p.Name }

func (p *samlProvider) complete(r Resource) error {
	p.Name = cmp.Or(p.Name, r.serverName())
	return nil
}

func (p *samlProvider) id(s *server, _ Resource) string { return s.arn("saml-provider/" + p.Name) }

func (*samlProvider) attributes(_ *server, id string) map[string]string {
	return map[string]string{"Ref": id, "Arn": id}
}

func (p *samlProvider) documents() []policyText {
	check := func(text string) error {
		_, err := iam.CheckSAMLMetadata(text)
		return err
	}
	return []policyText{{name: "SamlMetadataDocument", text: p.SamlMetadataDocument, check: check, always: true}}
}

func (s *server) listSAMLProviders(ctx context.Context) ([]listing, error) {
	return s.listARNs(ctx, "ListSAMLProviders", url.Values{})
}

// samlProvider returns nil if there is none.
func (s *server) samlProvider(ctx context.Context, arn string) (*state, error) {
	var out struct {
		Metadata   string   `xml:"GetSAMLProviderResult>SAMLMetadataDocument"`
		Encryption string   `xml:"GetSAMLProviderResult>AssertionEncryptionMode"`
		Keys       []string `xml:"GetSAMLProviderResult>PrivateKeyList>member>KeyId"`
		Tags       []xmlTag `xml:"GetSAMLProviderResult>Tags>member"`
	}
	if ok, err := found(s.iam(ctx, "GetSAMLProvider", url.Values{"SAMLProviderArn": {arn}}, &out)); !ok {
		return nil, err
	}

	st := &state{id: arn}
	if out.Encryption == "Required" || len(out.Keys) > 0 {
		st.left = append(st.left, "its private keys: encrypted assertions are refused")
	}
	st.properties = &samlProvider{
		Name:                 arn[strings.LastIndex(arn, "/")+1:],
		SamlMetadataDocument: out.Metadata,
		Tags:                 st.userTags(tagMap(out.Tags)),
	}

	return st, nil
}

func (p *samlProvider) find(ctx context.Context, a *applier, r Resource) (*state, error) {
	return a.samlProvider(ctx, p.id(a.server, r))
}

func (p *samlProvider) put(ctx context.Context, a *applier, ch *change) error {
	if ch.have == nil {
		in := url.Values{"Name": {p.Name}, "SAMLMetadataDocument": {p.SamlMetadataDocument}}
		tagMembers(in, a.withMarkers(ch, p.Tags))

		return a.iam(ctx, "CreateSAMLProvider", in, nil)
	}

	have, on := ch.have.properties.(*samlProvider), url.Values{"SAMLProviderArn": {ch.have.id}}
	if p.SamlMetadataDocument != have.SamlMetadataDocument {
		in := with(on, "SAMLMetadataDocument", p.SamlMetadataDocument)
		if err := a.iam(ctx, "UpdateSAMLProvider", in, nil); err != nil {
			return err
		}
	}

	return a.retag(ctx, have.Tags, p.Tags, "SAMLProvider", on)
}

func (*samlProvider) remove(ctx context.Context, s *server, id string) error {
	return s.iam(ctx, "DeleteSAMLProvider", url.Values{"SAMLProviderArn": {id}}, nil)
}

func (p *samlProvider) title() string { return "Saml" + p.Name }
