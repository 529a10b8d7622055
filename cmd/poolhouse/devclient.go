package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
)

const (
	defaultEndpoint = "http://127.0.0.1:4599"
	clientTimeout   = 15 * time.Second
	maxAnswer       = 1 << 20 // bytes
)

// addEndpoint gives a command a flag for the address of a running server.
func addEndpoint(c *cobra.Command) {
	c.Flags().String("endpoint", cmp.Or(os.Getenv(endpointVariable), defaultEndpoint),
		"URL of the running server (environment AWS_ENDPOINT_URL_COGNITO_IDENTITY)")
	c.PreRunE = validEndpoint
}

// validEndpoint refuses an address of --endpoint, or of the environment, that no server can have.
func validEndpoint(c *cobra.Command, _ []string) error {
	flag := c.Flags().Lookup("endpoint")
	address, err := url.Parse(flag.Value.String())
	if err == nil && (address.Scheme == "http" || address.Scheme == "https") && address.Host != "" {
		return nil
	}

	name := "--endpoint"
	if !flag.Changed {
		name = endpointVariable
	}

	return fmt.Errorf("%s must be the URL of a server, such as %s", name, defaultEndpoint)
}

func endpoint(c *cobra.Command) string {
	address, _ := c.Flags().GetString("endpoint") // defined by addEndpoint
	return strings.TrimSuffix(address, "/")
}

func devInfoCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "info",
		Short:   "Show the endpoint, keys and issuer of a running development server",
		Example: "  poolhouse dev info --json | jq -r .oidc_provider_arn",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := findDevServer(c)
			if err != nil {
				return err
			}
			body, err := server.call(c.Context(), http.MethodGet, poolhouse.DevInfoPath, nil)
			if err != nil {
				return err
			}

			if asJSON, _ := c.Flags().GetBool("json"); asJSON {
				_, err = c.OutOrStdout().Write(body)
				return err
			}

			var info map[string]string
			if err := json.Unmarshal(body, &info); err != nil {
				return err
			}

			for _, name := range []string{
				"endpoint",
				"region",
				"account_id",
				"access_key_id",
				"secret_access_key",
				"issuer",
				"oidc_provider_arn",
				"login_key",
				"audience",
			} {
				fmt.Fprintf(c.OutOrStdout(), "%-18s %s\n", name, info[name])
			}

			return nil
		},
	}
	addDevServer(c)
	c.Flags().Bool("json", false, "print JSON")

	return c
}

func devRotateKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rotate-key",
		Short: "Give the development issuer a new signing key",
		Long: `Give the issuer of a running development server a new signing key, and print its ID. The
key before stays published for a day, until its last token has expired.`,
		Example: "  poolhouse dev rotate-key",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := findDevServer(c)
			if err != nil {
				return err
			}
			body, err := server.call(c.Context(), http.MethodPost, poolhouse.DevRotatePath, []byte("{}"))
			if err != nil {
				return err
			}

			var rotated struct {
				KeyID string `json:"kid"`
			}
			if err := json.Unmarshal(body, &rotated); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), rotated.KeyID)

			return nil
		},
	}
	addDevServer(c)

	return c
}

func devTokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "token (--user NAME | --sub SUBJECT)",
		Short: "Print an ID token of the development issuer",
		Long: `Print an ID token from the issuer of a running development server, and nothing else.
--user names a user of the server, whose claims the token has; --sub is anybody.

A claim is name=value. A value that is valid JSON is used as JSON, any other as text:

  n=0            the number 0       department=sales         the text sales
  n="0"          the text 0         version=1.2.3            the text 1.2.3
  admin=true     the boolean true   zip=01234                the text 01234
  nickname=null  null               note=                    the empty text
  groups=["a"]   a list             address={"city":"Ulm"}   an object

Quote it for the shell: --claim 'n="0"'. Numbers keep all their digits. --sub and --aud
are always text. A value that begins with [, { or " but is not JSON is refused.`,
		Example: `  poolhouse dev token --user alice
  poolhouse dev token --sub alice
  poolhouse dev token --sub alice --aud other --expires-in 5m --claim email=a@b.c --claim 'cognito:groups=["admin"]'
  poolhouse dev token --sub alice --claim nbf=0 --claim email_verified=true --claim 'employee="0815"'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			request, err := tokenRequest(c)
			if err != nil {
				return err
			}

			server, err := findDevServer(c)
			if err != nil {
				return err
			}
			body, err := server.call(c.Context(), http.MethodPost, poolhouse.DevTokenPath, request)
			if err != nil {
				return err
			}

			var out poolhouse.DevTokenResponse
			if err := json.Unmarshal(body, &out); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), out.Token)

			return nil
		},
	}
	addDevServer(c)
	c.Flags().String("user", "", "user of the server whose subject and claims the token has")
	c.Flags().String("sub", "", "subject: who the token is about")
	c.Flags().String("aud", "", "audience; empty means poolhouse-dev, the client ID that pools trust")
	c.Flags().Duration("expires-in", time.Hour, "lifetime, at most 24h; a negative value gives an expired token")
	c.Flags().StringArray("claim", nil,
		"another claim, name=value, also in place of the user's; the value may be JSON; may be repeated")

	return c
}

// tokenRequest returns the request for the token that the flags describe.
func tokenRequest(c *cobra.Command) ([]byte, error) {
	subject, _ := c.Flags().GetString("sub")
	user, _ := c.Flags().GetString("user")
	audience, _ := c.Flags().GetString("aud")
	lifetime, _ := c.Flags().GetDuration("expires-in")
	pairs, _ := c.Flags().GetStringArray("claim")

	if (user == "") == (subject == "") {
		return nil, errors.New("give --user and a user of the server, or --sub and the subject of anybody")
	}
	claims, err := parseClaims(pairs)
	if err != nil {
		return nil, err
	}

	return json.Marshal(poolhouse.DevTokenRequest{
		Subject:   subject,
		User:      user,
		Audience:  audience,
		ExpiresIn: int64(lifetime / time.Second),
		Claims:    claims,
	})
}

// claimRule explains how the values of --claim are read.
const claimRule = `use name=value: JSON (a number, true, false, null, "text", [list], {object}) is used as ` +
	`JSON and anything else as text; put text that looks like JSON in double quotes, as in 'n="0"'`

// parseClaims reads the values of --claim. Numbers keep all their digits.
func parseClaims(pairs []string) (map[string]any, error) {
	claims := map[string]any{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--claim %q: %s", pair, claimRule)
		}

		parsed, err := claimValue(value)
		if err != nil {
			return nil, fmt.Errorf("--claim %s: the value begins like JSON but is not valid JSON (%w): %s",
				name, err, claimRule)
		}

		claims[name] = parsed
	}

	return claims, nil
}

// claimValue reads one value: JSON as JSON, anything else as text. Blanks around a value make
// it text.
func claimValue(value string) (any, error) {
	if value == "" || strings.TrimSpace(value) != value {
		return value, nil
	}

	var parsed any
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	err := decoder.Decode(&parsed)
	if err == nil && decoder.InputOffset() != int64(len(value)) {
		err = errors.New("something follows the value")
	}

	switch {
	case err == nil:
		return parsed, nil
	case strings.ContainsRune("[{\"", rune(value[0])):
		return nil, err
	default:
		return value, nil
	}
}
