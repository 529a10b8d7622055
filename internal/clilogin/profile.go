package clilogin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// DefaultProfile is the name of the profile of a command that names none.
const DefaultProfile = "default"

// Flow is the way in which a person signs in at an OpenID Connect issuer.
type Flow string

// Flows.
const (
	FlowBrowser Flow = "browser" // authorization code with PKCE, on a loopback port (RFC 8252)
	FlowDevice  Flow = "device"  // device authorization (RFC 8628)
)

// Storage is the place of a sign-in's secrets.
type Storage string

// Storages.
const (
	StorageKeyring Storage = "keyring" // in a file, encrypted under a key in the system's keyring
	StorageFile    Storage = "file"    // in a file that only the user may read
)

// Profile tells how to get credentials. It has no secret. A profile with neither Issuer nor UserPool is
// a guest's.
type Profile struct {
	Name string `json:"-"`

	Endpoint     string `json:"endpoint"` // of the identity pool
	IdentityPool string `json:"identity_pool"`
	STSEndpoint  string `json:"sts_endpoint,omitempty"` // "" = the endpoint, or AWS's STS beside it

	Issuer       string   `json:"issuer,omitempty"`
	ClientID     string   `json:"client_id,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`        // none = openid, and offline_access if the issuer has it
	Flow         Flow     `json:"flow,omitempty"`          // "" = the browser if there is one, or the device flow
	CallbackPort int      `json:"callback_port,omitempty"` // 0 = any free one

	UserPool         string `json:"user_pool,omitempty"`          // ID; its users sign in with a password
	UserPoolEndpoint string `json:"user_pool_endpoint,omitempty"` // "" = Endpoint
	Username         string `json:"username,omitempty"`           // "" = asked at each login

	RoleARN   string  `json:"role_arn,omitempty"`   // "" = the pool chooses
	BasicFlow bool    `json:"basic_flow,omitempty"` // GetOpenIdToken and AssumeRoleWithWebIdentity
	Storage   Storage `json:"storage,omitempty"`    // "" = chosen at the first login
}

var (
	profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	// Windows opens a device for such names, with any extension, and ignores a dot at the end.
	deviceName   = regexp.MustCompile(`^(?i:CON|PRN|AUX|NUL|(COM|LPT)[0-9])(\.|$)`)
	identityPool = regexp.MustCompile(`^[a-z0-9-]{1,32}:[0-9a-f-]{36}$`)
	userPool     = regexp.MustCompile(`^[a-z0-9-]{1,32}_[0-9a-zA-Z]{1,55}$`)
	roleARN      = regexp.MustCompile(`^arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]{1,512}$`)
)

// maxProfile bounds the file of a profile, in bytes.
const maxProfile = 64 << 10

// Region returns the region of the identity pool.
func (p Profile) Region() string {
	region, _, _ := strings.Cut(p.IdentityPool, ":")
	return region
}

// Guest reports whether nobody signs in.
func (p Profile) Guest() bool { return p.Issuer == "" && p.UserPool == "" }

// issuer returns the issuer of the ID tokens. A user pool's is its endpoint with its ID, at AWS and at
// `poolhouse dev`.
func (p Profile) issuer() string {
	if p.UserPool != "" {
		return strings.TrimSuffix(p.userPoolEndpoint(), "/") + "/" + p.UserPool
	}
	return p.Issuer
}

func (p Profile) userPoolEndpoint() string { return cmp.Or(p.UserPoolEndpoint, p.Endpoint) }

// loginKey returns the key of the issuer in a Logins map: the issuer without its scheme.
func (p Profile) loginKey() string {
	_, key, _ := strings.Cut(p.issuer(), "://")
	return key
}

// stsEndpoint returns the address of STS. AWS has each service on a host of its own.
func (p Profile) stsEndpoint() string {
	if p.STSEndpoint != "" {
		return p.STSEndpoint
	}
	return strings.Replace(p.Endpoint, "://cognito-identity.", "://sts.", 1)
}

// binding names all that a sign-in's secrets may be sent to. A sign-in of another binding is not used:
// whoever edits a profile cannot send its tokens elsewhere.
func (p Profile) binding() string {
	text, _ := json.Marshal([]string{p.Endpoint, p.stsEndpoint(), p.IdentityPool, p.issuer(), p.ClientID})
	return string(text)
}

// Validate refuses a profile that cannot work. Error: *ProfileError.
func (p Profile) Validate() error {
	problem := p.problem()
	if problem == "" {
		return nil
	}
	return &ProfileError{Profile: p.Name, Problem: problem}
}

func (p Profile) problem() string {
	switch {
	case !profileName.MatchString(p.Name):
		return "its name must have 1 to 64 letters, digits, dots, dashes and underscores"
	case deviceName.MatchString(p.Name) || strings.HasSuffix(p.Name, "."):
		return "its name must not end with a dot, and not be that of a device of Windows, such as CON"
	case p.Endpoint == "":
		return "give --endpoint, the address of the server"
	case p.IdentityPool == "":
		return "give --identity-pool, such as us-east-1:00000000-0000-4000-8000-000000000001"
	case !identityPool.MatchString(p.IdentityPool):
		return "--identity-pool must be an ID such as us-east-1:00000000-0000-4000-8000-000000000001, not a name"
	case p.Issuer != "" && p.UserPool != "":
		return "give --issuer or --user-pool, not both, and" +
			" --issuer '' or --user-pool '' to take back what the profile has"
	case !p.Guest() && p.ClientID == "":
		return "give --client-id, the ID of the app at the issuer"
	case p.Guest() && p.ClientID != "":
		return "give --issuer or --user-pool, in which --client-id is"
	case p.UserPool != "" && !userPool.MatchString(p.UserPool):
		return "--user-pool must be an ID such as us-east-1_Example"
	case p.RoleARN != "" && !roleARN.MatchString(p.RoleARN):
		return "--role-arn must be the ARN of a role, such as arn:aws:iam::123456789012:role/Photos"
	case p.BasicFlow && p.RoleARN == "":
		return "--basic-flow needs --role-arn: in the basic flow, the caller chooses the role"
	case p.Flow != "" && p.Flow != FlowBrowser && p.Flow != FlowDevice:
		return "--flow must be browser or device"
	case p.Storage != "" && p.Storage != StorageKeyring && p.Storage != StorageFile:
		return "--storage must be keyring or file"
	case p.CallbackPort < 0 || p.CallbackPort > 65535:
		return "--callback-port must be 0 to 65535"
	}

	for _, one := range []struct{ flag, address string }{
		{"--endpoint", p.Endpoint},
		{"--sts-endpoint", p.STSEndpoint},
		{"--issuer", p.Issuer},
		{"--user-pool-endpoint", p.UserPoolEndpoint},
	} {
		if one.address == "" {
			continue
		}
		if err := checkAddress(one.address); err != nil {
			return one.flag + ": " + err.Error()
		}
	}

	return ""
}

func (c *Client) profileFolder() string { return filepath.Join(c.o.Folders.Config, "profiles") }

func (c *Client) profilePath(name string) string {
	return filepath.Join(c.profileFolder(), name+".json")
}

// Profile returns a profile. Errors: *ProfileError; *MissingError if there is none of the name.
func (c *Client) Profile(name string) (Profile, error) {
	p := Profile{Name: name}
	if !profileName.MatchString(name) {
		return p, p.Validate()
	}

	text, err := wholefile.Read(c.profilePath(name), maxProfile)
	if errors.Is(err, fs.ErrNotExist) {
		return p, &MissingError{Profile: name}
	}
	if err != nil {
		return p, err
	}

	if err := json.Unmarshal(text, &p); err != nil {
		return p, &ProfileError{Profile: name, Problem: fmt.Sprintf("%s is not valid: %v", c.profilePath(name), err)}
	}

	return p, p.Validate()
}

// MissingError means that there is no profile of the name.
type MissingError struct{ Profile string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("there is no profile %s: run `poolhouse login --profile %s --endpoint … --identity-pool …` "+
		"once, and for a user --issuer … --client-id …", e.Profile, e.Profile)
}

// Profiles returns the names of all profiles in order.
func (c *Client) Profiles() ([]string, error) {
	entries, err := os.ReadDir(c.profileFolder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}

	var names []string
	for _, entry := range entries {
		name, isProfile := strings.CutSuffix(entry.Name(), ".json")
		if isProfile && profileName.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)

	return names, nil
}

// keepProfile writes a profile.
func (c *Client) keepProfile(p Profile) error {
	if err := os.MkdirAll(c.profileFolder(), 0o700); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}

	return wholefile.ReplaceText(c.profilePath(p.Name), append(text, '\n'))
}
