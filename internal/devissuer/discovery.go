package devissuer

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Paths of the issuer's endpoints, below its URL.
const (
	discoveryPath           = "/.well-known/openid-configuration"
	keysPath                = "/jwks"
	authorizePath           = "/authorize"
	tokenPath               = "/token"
	userinfoPath            = "/userinfo"
	introspectionPath       = "/introspect"
	revocationPath          = "/revoke"
	endSessionPath          = "/end_session"
	deviceAuthorizationPath = "/device_authorization"
)

// discovery is the discovery document (OpenID Connect Discovery 1.0, section 3).
type discovery struct {
	oidc.DiscoveryConfiguration

	// IssInResponse tells that authorization responses have iss (RFC 9207, section 3).
	IssInResponse bool `json:"authorization_response_iss_parameter_supported"`
}

// discover returns what the issuer's endpoints accept, and nothing else.
func (i *Issuer) discover() discovery {
	modes := []string{string(oidc.ResponseModeQuery), string(oidc.ResponseModeFragment)}
	clientAuthentication := []oidc.AuthMethod{oidc.AuthMethodNone, oidc.AuthMethodBasic, oidc.AuthMethodPost}

	return discovery{
		DiscoveryConfiguration: oidc.DiscoveryConfiguration{
			Issuer:                                    i.URL,
			AuthorizationEndpoint:                     i.URL + authorizePath,
			TokenEndpoint:                             i.URL + tokenPath,
			IntrospectionEndpoint:                     i.URL + introspectionPath,
			UserinfoEndpoint:                          i.URL + userinfoPath,
			RevocationEndpoint:                        i.URL + revocationPath,
			EndSessionEndpoint:                        i.URL + endSessionPath,
			DeviceAuthorizationEndpoint:               i.URL + deviceAuthorizationPath,
			JwksURI:                                   i.URL + keysPath,
			ScopesSupported:                           scopesSupported,
			ResponseTypesSupported:                    []string{string(oidc.ResponseTypeCode)},
			ResponseModesSupported:                    modes,
			GrantTypesSupported:                       grantTypes,
			SubjectTypesSupported:                     []string{"public"},
			IDTokenSigningAlgValuesSupported:          []string{string(jose.RS256)},
			TokenEndpointAuthMethodsSupported:         clientAuthentication,
			RevocationEndpointAuthMethodsSupported:    clientAuthentication,
			IntrospectionEndpointAuthMethodsSupported: []oidc.AuthMethod{oidc.AuthMethodBasic, oidc.AuthMethodPost},
			ClaimsSupported:                           claimsSupported(),
			CodeChallengeMethodsSupported:             []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
			BackChannelLogoutSupported:                true,
			BackChannelLogoutSessionSupported:         true,
		},
		IssInResponse: true,
	}
}

// Document returns what the issuer publishes at an address: its discovery document or its keys.
// own is false for any other address. The server itself verifies the issuer's tokens with it: it
// may not reach its own URL, which can be a name in the network of its clients.
func (i *Issuer) Document(ctx context.Context, address string) (body []byte, own bool, err error) {
	switch address {
	case i.URL + discoveryPath:
		body, err = json.Marshal(i.discover())
		return body, true, err
	case i.URL + keysPath:
		set, err := i.published(ctx)
		if err != nil {
			return nil, true, err
		}
		body, err = json.Marshal(set)

		return body, true, err
	default:
		return nil, false, nil
	}
}

// Routes returns the handlers of discovery and keys, below Path, by their patterns for http.ServeMux.
func (i *Issuer) Routes() map[string]http.Handler {
	all := map[string]http.Handler{}
	for _, path := range []string{discoveryPath, keysPath} {
		all["GET "+Path+path] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _, err := i.Document(r.Context(), i.URL+path)
			if err != nil {
				http.Error(w, "the key is not ready: "+err.Error(), http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // an error means that the client has gone
		})
	}

	return all
}
