package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

func whoamiCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "whoami",
		Short: "Show who is signed in under a profile",
		Long: `Show the issuer, subject, identity and role of a profile, and when its credentials
expire. It renews them first, and asks STS for the role.

--all lists all profiles, as they are kept, without asking anybody.`,
		Example: "  poolhouse whoami --profile photos\n  poolhouse whoami --all",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := loginClient(c, clilogin.Options{})
			if err != nil {
				return err
			}
			asJSON, _ := c.Flags().GetBool("json")
			if all, _ := c.Flags().GetBool("all"); all {
				return listProfiles(c, client, asJSON)
			}

			status, failed := client.Whoami(c.Context(), chosenProfile(c))
			if status.Profile == "" {
				return failed
			}
			if asJSON {
				err = writeJSON(c.OutOrStdout(), status)
			} else {
				writeStatus(c.OutOrStdout(), status, time.Now())
			}

			return errors.Join(failed, err)
		},
	}
	addProfile(c)
	c.Flags().Bool("all", false, "list all profiles")
	c.Flags().Bool("json", false, "print JSON")

	return c
}

// listProfiles prints all profiles. One that is broken does not hide the others.
func listProfiles(c *cobra.Command, client *clilogin.Client, asJSON bool) error {
	names, err := client.Profiles()
	if err != nil {
		return err
	}

	list := []clilogin.Status{}
	var faults []error
	for _, name := range names {
		status, err := client.Status(c.Context(), name)
		if _, signedOut := errors.AsType[*clilogin.SignInError](err); err != nil && !signedOut {
			faults = append(faults, err)
			continue
		}
		list = append(list, status)
	}

	if asJSON {
		return errors.Join(append(faults, writeJSON(c.OutOrStdout(), list))...)
	}

	table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, s := range list {
		state := "signed out"
		switch {
		case s.Ended != "":
			state = "ended"
		case !s.SignedIn.IsZero():
			state = "since " + s.SignedIn.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Profile, state, orGuest(s.Issuer), s.IdentityPool)
	}

	return errors.Join(append(faults, table.Flush())...)
}

func orGuest(issuer string) string {
	if issuer == "" {
		return "(guest)"
	}
	return printable(issuer)
}

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(explain.JSONForTerminals(out))
	encoder.SetIndent("", "  ")

	return encoder.Encode(value)
}

// writeStatus prints who a profile is, one value a line. What is not known has no line.
func writeStatus(out io.Writer, s clilogin.Status, now time.Time) {
	expires := ""
	if !s.Expires.IsZero() {
		expires = s.Expires.Format(time.RFC3339) + " (in " + s.Expires.Sub(now).Round(time.Minute).String() + ")"
	}
	renewed := "with poolhouse login"
	if s.Renewable {
		renewed = "without a person"
	}

	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"profile", s.Profile},
		{"issuer", orGuest(s.Issuer)},
		{"subject", s.Subject},
		{"identity_id", s.IdentityID},
		{"role_arn", s.RoleARN},
		{"expires", expires},
		{"ended", s.Ended},
		{"renewed", renewed},
		{"storage", string(s.Storage)},
		{"endpoint", s.Endpoint},
	} {
		if row[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", row[0], printable(row[1]))
		}
	}
	_ = table.Flush() // as for other lines, an error has nobody who would read it
}

func credentialsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "credentials",
		Short: "Print credentials of a profile: a credential_process of AWS's SDKs",
		Long: `Print the credentials of a profile, renewed if they expire soon. It never asks a person:
if only a new sign-in helps, it fails with status 5 and names the command.

  --format process     for credential_process in ~/.aws/config (the default)
  --format sh, fish, powershell, dotenv, json
                       environment variables, as poolhouse dev env prints them`,
		Example: `  aws configure set credential_process "poolhouse credentials --profile photos" --profile photos
  eval "$(poolhouse credentials --profile photos --format sh)"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			format, _ := c.Flags().GetString("format")
			write, known := envFormats[format]
			if !known && format != processFormat {
				names := slices.Sorted(maps.Keys(envFormats))
				return fmt.Errorf("--format %q: use %s or one of %s", format, processFormat, strings.Join(names, ", "))
			}

			client, err := loginClient(c, clilogin.Options{})
			if err != nil {
				return err
			}
			got, err := client.Credentials(c.Context(), chosenProfile(c))
			if err != nil {
				return err
			}
			if format == processFormat {
				return writeProcess(c.OutOrStdout(), got)
			}
			_, err = io.WriteString(c.OutOrStdout(), write([]variable{
				{name: "AWS_ACCESS_KEY_ID", value: got.AccessKeyID},
				{name: "AWS_SECRET_ACCESS_KEY", value: got.SecretAccessKey},
				{name: "AWS_SESSION_TOKEN", value: got.SessionToken},
			}))

			return err
		},
	}
	addProfile(c)
	c.Flags().String("format", processFormat, "process, sh, fish, powershell, dotenv or json")

	return c
}

const processFormat = "process"

// writeProcess prints credentials for credential_process (AWS SDKs and Tools Reference Guide, "Process
// credential provider").
func writeProcess(out io.Writer, k clilogin.Credentials) error {
	return json.NewEncoder(out).Encode(struct {
		Version         int
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}{1, k.AccessKeyID, k.SecretAccessKey, k.SessionToken, k.Expires.UTC().Format(time.RFC3339)})
}
