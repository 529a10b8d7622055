package apply

import (
	"context"
	"net/url"
	"strings"
)

// oidcProvider is an OpenID Connect provider.
type oidcProvider struct {
	common

	Url            string `file:"required,fixed"`
	ClientIdList   []string
	ThumbprintList []string `file:"byServer"`
	Tags           tags
}

func (*oidcProvider) typeName() string { return "AWS::IAM::OIDCProvider" }

func (p *oidcProvider) key(Resource) string {
	_, rest, _ := strings.Cut(p.Url, "://")
	return rest
}

func (p *oidcProvider) id(s *server, r Resource) string { return s.arn("oidc-provider/" + p.key(r)) }

func (*oidcProvider) attributes(_ *server, id string) map[string]string {
	return map[string]string{"Ref": id, "Arn": id}
}

func (s *server) listOIDCProviders(ctx context.Context) ([]listing, error) {
	return s.listARNs(ctx, "ListOpenIDConnectProviders", url.Values{})
}

// oidcProvider returns nil if there is none.
func (s *server) oidcProvider(ctx context.Context, arn string) (*state, error) {
	var out struct {
		P struct {
			Url            string
			ClientIDList   []string `xml:"ClientIDList>member"`
			ThumbprintList []string `xml:"ThumbprintList>member"`
			Tags           []xmlTag `xml:"Tags>member"`
		} `xml:"GetOpenIDConnectProviderResult"`
	}
	in := url.Values{"OpenIDConnectProviderArn": {arn}}
	if ok, err := found(s.iam(ctx, "GetOpenIDConnectProvider", in, &out)); !ok {
		return nil, err
	}

	address := out.P.Url
	if !strings.Contains(address, "://") { // AWS leaves https:// out
		address = "https://" + address
	}
	st := &state{id: arn}
	st.properties = &oidcProvider{
		Url:            address,
		ClientIdList:   out.P.ClientIDList,
		ThumbprintList: out.P.ThumbprintList,
		Tags:           st.userTags(tagMap(out.P.Tags)),
	}

	return st, nil
}

func (p *oidcProvider) find(ctx context.Context, a *applier, r Resource) (*state, error) {
	return a.oidcProvider(ctx, p.id(a.server, r))
}

func (p *oidcProvider) put(ctx context.Context, a *applier, ch *change) error {
	if ch.have == nil {
		in := url.Values{"Url": {p.Url}}
		members(in, "ClientIDList", p.ClientIdList)
		members(in, "ThumbprintList", p.ThumbprintList)
		tagMembers(in, a.withMarkers(ch, p.Tags))

		return a.iam(ctx, "CreateOpenIDConnectProvider", in, nil)
	}

	have, on := ch.have.properties.(*oidcProvider), url.Values{"OpenIDConnectProviderArn": {ch.have.id}}
	added, gone := without(p.ClientIdList, have.ClientIdList), without(have.ClientIdList, p.ClientIdList)
	if err := a.eachValue(ctx, "AddClientIDToOpenIDConnectProvider", on, "ClientID", added); err != nil {
		return err
	}
	if err := a.eachValue(ctx, "RemoveClientIDFromOpenIDConnectProvider", on, "ClientID", gone); err != nil {
		return err
	}
	if len(p.ThumbprintList) > 0 {
		in := with(on)
		members(in, "ThumbprintList", p.ThumbprintList)
		if err := a.iam(ctx, "UpdateOpenIDConnectProviderThumbprint", in, nil); err != nil {
			return err
		}
	}

	return a.retag(ctx, have.Tags, p.Tags, "OpenIDConnectProvider", on)
}

func (*oidcProvider) remove(ctx context.Context, s *server, id string) error {
	return s.iam(ctx, "DeleteOpenIDConnectProvider", url.Values{"OpenIDConnectProviderArn": {id}}, nil)
}

func (p *oidcProvider) title() string { return "Provider" + strings.TrimPrefix(p.Url, "https://") }

func (p *oidcProvider) hasNoTLS() bool { return strings.HasPrefix(p.Url, "http://") }

func (p *oidcProvider) accept(e *exporter, id string) bool {
	if !p.hasNoTLS() || e.names(id) {
		return true
	}
	e.note(p.label(id), "it has no TLS, which only poolhouse dev takes, and nothing uses it: it is left out")

	return false
}

func (p *oidcProvider) judge(e *exporter, id string) {
	if p.hasNoTLS() {
		e.note(p.label(id), "it has no TLS: only poolhouse dev takes it")
	}
}
