package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// profileVariable names the profile of a command without --profile.
const profileVariable = envPrefix + "PROFILE"

// maxClientSecret bounds the file of a client's secret, in bytes.
const maxClientSecret = 4 << 10

func addProfile(c *cobra.Command) {
	c.Flags().String("profile", "", "name of the profile (environment "+profileVariable+"; default \""+
		clilogin.DefaultProfile+"\")")
}

// chosenProfile returns the name of the profile of this command. It is no profile of AWS (chosenAWSProfile).
func chosenProfile(c *cobra.Command) string {
	name, _ := c.Flags().GetString("profile")
	return cmp.Or(name, os.Getenv(profileVariable), clilogin.DefaultProfile)
}

// loginClient returns a client with the folders and the keyring of the user, and how o asks the person.
// Its notices go to standard error: standard output belongs to what reads credentials.
func loginClient(c *cobra.Command, o clilogin.Options) (*clilogin.Client, error) {
	folders, err := clilogin.UserFolders()
	if err != nil {
		return nil, fmt.Errorf("the folder for profiles: %w", err)
	}

	o.Folders, o.Now = folders, time.Now
	o.Notice = func(text string) { fmt.Fprintln(c.ErrOrStderr(), text) }
	if hasKeyring() {
		o.Keyring = clilogin.SystemKeyring{}
	}

	return clilogin.New(o), nil
}

// hasKeyring reports whether the system can have a keyring. On Unix that is a service on the session's
// bus; without a bus, the library would start one.
func hasKeyring() bool {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "bus"))

	return err == nil
}

func loginCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "login",
		Short: "Sign in, for the AWS CLI and every AWS SDK",
		Long: `Sign in at an OpenID Connect issuer or a user pool, and keep the sign-in under the
name of a profile. The first login of a profile describes it; later ones need --profile
only. A profile without --issuer and --user-pool is a guest's.

  --issuer      opens the issuer's page in the browser (code flow with PKCE on a loopback
                port), or asks for a code on another device (--flow device)
  --user-pool   asks for the password of a user of a Cognito user pool, and proves it
                with SRP

"poolhouse credentials" then gives credentials, and renews them without a person. It is
a credential_process of AWS's configuration files:

  aws configure set credential_process "poolhouse credentials --profile photos" --profile photos

Tokens are kept in the user's folders, encrypted under a key in the system's keyring if
there is one (--storage).`,
		Example: `  poolhouse login --profile photos --endpoint https://id.example.com \
    --identity-pool us-east-1:00000000-0000-4000-8000-000000000001 \
    --issuer https://login.example.com --client-id photos-cli
  poolhouse login --profile photos`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runLogin(c) },
	}
	addProfile(c)
	f := c.Flags()
	f.String("endpoint", "", "address of the server with the identity pool (environment "+endpointVariable+")")
	f.String("identity-pool", "", "ID of the identity pool (environment "+poolVariable+")")
	f.String("sts-endpoint", "", "address of STS; default: the endpoint")
	f.String("issuer", "", "the OpenID Connect issuer, exactly as its tokens name it")
	f.String("client-id", "", "ID of the client at the issuer, or of the app client of the user pool")
	f.String("client-secret-file", "", "file with the client's secret, if it has one; - = standard input")
	f.StringArray("scope", nil,
		"scope to ask for (repeatable); default: openid, and offline_access if the issuer has it")
	f.String("flow", "", "browser or device; default: browser if this machine has one")
	f.Int("callback-port", 0, "port of http://127.0.0.1:PORT/callback, if the issuer wants a fixed one; 0 = any")
	f.Bool("no-browser", false, "open no browser: print the address, to be opened on this machine")
	f.String("user-pool", "", "ID of a Cognito user pool, whose users sign in with a password")
	f.String("user-pool-endpoint", "", "address of the user pool's API; default: the endpoint")
	f.String("username", "", "the user of the user pool; default: asked at each login")
	f.Bool("password-stdin", false, "read the password, and what else the user pool asks for, from standard input")
	f.String("role-arn", "", "ARN of the role, instead of the one that the pool chooses")
	f.Bool("basic-flow", false,
		"assume --role-arn with a token of the pool (GetOpenIdToken, AssumeRoleWithWebIdentity)")
	f.String("storage", "", "keyring or file; default: the keyring if there is one")

	return c
}

// profileFlags are the flags that describe a profile, and where each goes.
func profileFlags(c *cobra.Command, p *clilogin.Profile) {
	f := c.Flags()
	for name, text := range map[string]*string{
		"endpoint":           &p.Endpoint,
		"identity-pool":      &p.IdentityPool,
		"sts-endpoint":       &p.STSEndpoint,
		"issuer":             &p.Issuer,
		"client-id":          &p.ClientID,
		"user-pool":          &p.UserPool,
		"user-pool-endpoint": &p.UserPoolEndpoint,
		"username":           &p.Username,
		"role-arn":           &p.RoleARN,
		"flow":               (*string)(&p.Flow),
		"storage":            (*string)(&p.Storage),
	} {
		if f.Changed(name) {
			*text, _ = f.GetString(name)
		}
	}

	if f.Changed("scope") {
		p.Scopes, _ = f.GetStringArray("scope")
	}
	if f.Changed("callback-port") {
		p.CallbackPort, _ = f.GetInt("callback-port")
	}
	if f.Changed("basic-flow") {
		p.BasicFlow, _ = f.GetBool("basic-flow")
	}
}

// describedProfile returns the profile of a login: the one that is kept, with the flags of this login.
func describedProfile(c *cobra.Command, client *clilogin.Client, name string) (clilogin.Profile, error) {
	p, err := client.Profile(name)
	missing, isMissing := errors.AsType[*clilogin.MissingError](err)
	_, isBroken := errors.AsType[*clilogin.ProfileError](err)
	if err != nil && !isMissing && !isBroken {
		return p, err
	}

	if isMissing {
		p.Endpoint, p.IdentityPool = os.Getenv(endpointVariable), os.Getenv(poolVariable)
	}
	profileFlags(c, &p)

	// Without any flag the person means a profile that is there.
	if isMissing && !c.Flags().Changed("endpoint") && !c.Flags().Changed("identity-pool") && p.Guest() {
		return p, missing
	}

	// A file that cannot be read is told, unless the flags describe the profile anew.
	if isBroken && p.Endpoint == "" {
		return p, err
	}

	return p, p.Validate()
}

func runLogin(c *cobra.Command) error {
	f := c.Flags()
	noBrowser, _ := f.GetBool("no-browser")
	fromStdin, _ := f.GetBool("password-stdin")

	secretFile, _ := f.GetString("client-secret-file")
	if fromStdin && secretFile == "-" {
		return errors.New("--client-secret-file - and --password-stdin both read standard input: " +
			"give the client's secret in a file")
	}

	client, err := loginClient(c, clilogin.Options{
		Open:      openBrowser(),
		PrintOnly: noBrowser,
		Ask:       askerOf(c, fromStdin),
	})
	if err != nil {
		return err
	}
	p, err := describedProfile(c, client, chosenProfile(c))
	if err != nil {
		return err
	}

	options := clilogin.LoginOptions{}
	if secretFile != "" {
		if options.ClientSecret, err = readSecret(c, secretFile); err != nil {
			return err
		}
	}

	err = client.Login(c.Context(), p, options)
	if errors.Is(err, context.Canceled) {
		return errors.New("the sign-in was interrupted")
	}
	if err != nil {
		return err
	}
	status, err := client.Status(c.Context(), p.Name)
	if err != nil {
		return err
	}

	out := c.OutOrStdout()
	writeStatus(out, status, time.Now())
	_, err = fmt.Fprintf(out, "\nFor the AWS CLI and SDKs, once:\n\n  aws configure set credential_process "+
		"\"poolhouse credentials --profile %[1]s\" --profile %[1]s\n  aws configure set region %[2]s --profile %[1]s\n",
		p.Name, p.Region())

	return err
}

// readSecret reads a secret from a file; - is standard input.
func readSecret(c *cobra.Command, path string) (string, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = readLimited(c.InOrStdin(), maxClientSecret)
	} else {
		text, err = wholefile.Read(path, maxClientSecret)
	}
	if err != nil {
		return "", fmt.Errorf("the client's secret: %w", err)
	}

	return strings.TrimSpace(string(text)), nil
}
