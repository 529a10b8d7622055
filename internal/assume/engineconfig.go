package assume

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// EngineConfig has the settings of an STS. Endpoint or Region is required.
type EngineConfig struct {
	Endpoint     string `yaml:"endpoint" shown:"address"` // "" = AWS's STS in Region
	Region       string `yaml:"region"`
	CABundle     string `yaml:"ca_bundle" file:"certificates"` // PEM; "" = the system's roots
	AllowHTTP    bool   `yaml:"allow_http"`
	AllowPrivate bool   `yaml:"allow_private"`

	// ClientID and ClientSecret are sent by HTTP Basic, to engines or proxies that require
	// it; "" = none, as for AWS.
	ClientID     string         `yaml:"client_id"`
	ClientSecret explain.Secret `yaml:"client_secret"`

	// Roles rewrites the pool's role ARNs. A key that ends in * stands for all ARNs with
	// that prefix; the * in its value stands for the rest. None sends no role. A role
	// that no key fits is refused; without keys all are sent unchanged.
	Roles map[string]string `yaml:"roles"`

	// GuestPolicy bounds guests' sessions: GuestAWS (default), GuestS3 for engines that
	// refuse actions of other services, GuestOff, or a policy document. GuestPolicyARNs are
	// managed policies beside a document; a session may do what either allows.
	GuestPolicy     string   `yaml:"guest_policy" form:"policy"`
	GuestPolicyARNs []string `yaml:"guest_policy_arns"`

	// SessionPolicy bounds the sessions of users who signed in; "" = no bound. It is a
	// policy document. Like GuestPolicy it may have the placeholders of claims, for engines
	// without policy variables.
	SessionPolicy string `yaml:"session_policy" form:"policy"`

	// SessionName is the name of sessions; "" = session.EnhancedFlowName. It may have
	// variables (see nameVariables) and one claim or tag.
	SessionName string `yaml:"role_session_name"`
	// Duration is that of sessions; 0 = 1 h.
	Duration time.Duration `yaml:"duration" form:"positive"`

	Token TokenConfig `yaml:"token"`
}

// UnmarshalYAML takes policy documents as YAML or as JSON in a string. Tokens have tags
// unless the settings remove them.
func (c *EngineConfig) UnmarshalYAML(unmarshal func(any) error) error {
	*c = EngineConfig{Token: TokenConfig{Tags: true}}
	return policy.UnmarshalYAML(unmarshal, c)
}

// TokenConfig is the shape of the token about an identity that the engine receives.
type TokenConfig struct {
	Algorithm   string `yaml:"algorithm"`                // "" = the issuer's
	Type        string `yaml:"typ"`                      // of the header: "" = JWS, as AWS's; None leaves it out
	Certificate bool   `yaml:"x5c"`                      // in the header
	Audience    string `yaml:"audience" shown:"address"` // "" = the pool's ID
	Issuer      string `yaml:"issuer" shown:"address"`   // "" = the issuer's
	// AMR: AMRFull (default) sends how the user signed in, AMRShort only whether.
	AMR string `yaml:"amr"`
	// Tags sends principal tags, as AWS's tokens have them. The engine's trust
	// policies must allow sts:TagSession.
	Tags bool `yaml:"tags" default:"true"`
	// Lifetime of the token; 0 = the session's, because some engines end credentials when
	// the token ends.
	Lifetime time.Duration `yaml:"lifetime" form:"positive"`
	// Claims are additional claims: JSON values whose texts may have placeholders. See
	// placeholders.
	Claims map[string]any `yaml:"claims"`
}

// Values of settings.
const (
	none     = "none"
	guestAWS = "aws"
	guestS3  = "s3"
	guestOff = "off"
	amrFull  = "full"
	amrShort = "short"
)

// Bounds of the STS API reference.
const (
	minSession      = 15 * time.Minute
	maxSession      = 12 * time.Hour
	defaultSession  = time.Hour
	maxPolicyChars  = 2048
	maxPolicyARNs   = 10
	maxSessionName  = 64
	minTokenLife    = time.Minute
	tokenTypeOfAWS  = "JWS"
	stsVersion      = "2011-06-15"
	managedGuestARN = "arn:aws:iam::aws:policy/AmazonCognitoUnAuthedIdentitiesSessionPolicy"
)

var (
	regionName = regexp.MustCompile(`^[a-z]{2}[a-z0-9-]{1,30}\d$`)
	tokenType  = regexp.MustCompile(`^[A-Za-z0-9+.-]{1,32}$`)
)

// Validate reports invalid settings.
func (c EngineConfig) Validate() error { return c.complete() }

// complete fills in defaults and reports invalid settings.
func (c *EngineConfig) complete() error {
	var faults []error
	fault := func(setting, format string, arguments ...any) {
		faults = append(faults, fmt.Errorf("%s: %w", setting, fmt.Errorf(format, arguments...)))
	}

	if c.Region != "" && !regionName.MatchString(c.Region) {
		fault("region", "%q is no region: write it like us-east-1", c.Region)
	}
	if c.Endpoint == "" && c.Region != "" {
		c.Endpoint = "https://sts." + c.Region + ".amazonaws.com"
		if strings.HasPrefix(c.Region, "cn-") {
			c.Endpoint += ".cn"
		}
	}

	if c.Endpoint == "" {
		fault("endpoint", "give the address of the STS, or the region for AWS's own")
	} else if err := c.endpoint().Validate(); err != nil {
		fault("endpoint", "%w", err)
	}
	if (c.ClientID == "") != (c.ClientSecret == "") ||
		strings.ContainsAny(c.ClientID, ":\r\n") || strings.ContainsAny(string(c.ClientSecret), "\r\n") {
		fault("client_id", "give client_id and client_secret together, and no colon in client_id")
	}

	for from, to := range c.Roles {
		if strings.Contains(strings.TrimSuffix(from, "*"), "*") ||
			strings.Count(to, "*") > 1 || strings.Contains(to, "*") && !strings.HasSuffix(from, "*") {
			fault("roles",
				"%q: %q: one * at the end of the pool's role, and one in the engine's role for what it stood for",
				from, to,
			)
		}
	}

	c.completeGuests(fault)

	if c.SessionName == "" {
		c.SessionName = session.EnhancedFlowName
	} else if err := checkSessionName(c.SessionName); err != nil {
		fault("role_session_name", "%w", err)
	}

	if c.Duration == 0 {
		c.Duration = defaultSession
	} else if c.Duration < minSession || c.Duration > maxSession || c.Duration%time.Second != 0 {
		fault("duration", "%v is not between %v and %v in whole seconds", c.Duration, minSession, maxSession)
	}
	c.Token.complete(fault)

	return errors.Join(faults...)
}

// guestS3 is the part of AWS's guest policy that storage engines support.
const guestPolicyS3 = `{"Version":"2012-10-17","Statement":[` +
	`{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`

func (c *EngineConfig) completeGuests(fault func(string, string, ...any)) {
	switch c.GuestPolicy {
	case "", guestAWS:
		c.GuestPolicy = iam.GuestInline()
		if len(c.GuestPolicyARNs) > 0 {
			fault("guest_policy_arns", "leave them out, or give a policy of your own in guest_policy")
		}
		c.GuestPolicyARNs = []string{managedGuestARN}
	case guestS3:
		c.GuestPolicy = guestPolicyS3
	case guestOff:
		c.GuestPolicy = ""
		if len(c.GuestPolicyARNs) > 0 {
			fault("guest_policy_arns", "guest_policy is off; leave them out")
		}
	default:
		checkPolicy(fault, "guest_policy", "use aws, s3, off or a policy document", c.GuestPolicy)
	}

	if c.SessionPolicy != "" {
		checkPolicy(fault, "session_policy", "use a policy document", c.SessionPolicy)
	}
	if len(c.GuestPolicyARNs) > maxPolicyARNs || slices.Contains(c.GuestPolicyARNs, "") {
		fault("guest_policy_arns", "up to %d ARNs", maxPolicyARNs)
	}
}

func checkPolicy(fault func(string, string, ...any), setting, fix, text string) {
	if _, err := iam.SessionPolicies(
		[]string{placeholder.ReplaceAllString(text, "x")},
	); err != nil || strings.HasPrefix(text, iam.BuiltinPrefix) {
		fault(setting, "%s: %v", fix, err)
	} else if len(text) > maxPolicyChars {
		fault(setting, "it has %d characters; STS takes %d", len(text), maxPolicyChars)
	}
}

func (t *TokenConfig) complete(fault func(string, string, ...any)) {
	switch t.Type {
	case "":
		t.Type = tokenTypeOfAWS
	case none:
		t.Type = ""
	default:
		if !tokenType.MatchString(t.Type) {
			fault("token.typ", "%q: use JWS, JWT or none", t.Type)
		}
	}

	switch t.AMR {
	case "":
		t.AMR = amrFull
	case amrFull, amrShort, none:
	default:
		fault("token.amr", "%q: use full, short or none", t.AMR)
	}

	if t.Lifetime != 0 && (t.Lifetime < minTokenLife || t.Lifetime > maxSession || t.Lifetime%time.Second != 0) {
		fault("token.lifetime", "%v is not between %v and %v in whole seconds", t.Lifetime, minTokenLife, maxSession)
	}
	if err := (issuer.Shape{Algorithm: t.Algorithm, Issuer: t.Issuer, Extra: t.Claims}).Validate(); err != nil {
		fault("token", "%w", err)
	}

	for _, name := range slices.Sorted(maps.Keys(t.Claims)) {
		if err := checkTemplate(t.Claims[name]); err != nil {
			fault("token.claims."+name, "%w", err)
		}
		if _, err := json.Marshal(t.Claims[name]); err != nil {
			fault("token.claims."+name, "it is no JSON value")
		}
	}
}

func (c *EngineConfig) endpoint() outbound.Endpoint {
	return outbound.Endpoint{
		URL: c.Endpoint,
		Policy: outbound.Policy{
			CABundle:     c.CABundle,
			AllowHTTP:    c.AllowHTTP,
			AllowPrivate: c.AllowPrivate,
		},
		FaultsCount: true,
	}
}

// header returns the header of every request.
func (c *EngineConfig) header() http.Header {
	h := http.Header{
		"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
		"Accept":       {"text/xml, application/xml"},
	}
	if c.ClientID != "" {
		r := http.Request{Header: h}
		r.SetBasicAuth(c.ClientID, string(c.ClientSecret))
	}

	return h
}

// role returns the role to ask the engine for, "" for none. It returns false if Roles lacks
// the role.
func (c *EngineConfig) role(arn string) (string, bool) {
	if len(c.Roles) == 0 {
		return arn, true
	}

	to, found := c.Roles[arn]
	longest := -1
	for from, value := range c.Roles {
		prefix, open := strings.CutSuffix(from, "*")
		if rest, fits := strings.CutPrefix(arn, prefix); open && fits && !found && len(prefix) > longest {
			longest, to = len(prefix), strings.Replace(value, "*", rest, 1)
		}
	}
	if to == none {
		return "", true
	}

	return to, found || longest >= 0
}
