package admincli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

func (o Options) sessionCommand() *cobra.Command {
	c := &cobra.Command{Use: "session", Short: "Tell whose session credentials are, and end them"}
	revoke := RevokeSession(o)
	revoke.Use = "revoke [ACCESS_KEY_ID]"
	revoke.Example = strings.ReplaceAll(revoke.Example, "keys revoke-session", "session revoke")
	c.AddCommand(o.sessionVerify(), revoke)

	return c
}

// principal has the members of a session in VerifySession.
type principal struct {
	AccountID      string            `json:"accountId"`
	ARN            string            `json:"arn"`
	UserID         string            `json:"userId"`
	RoleARN        string            `json:"roleArn"`
	AccessKeyID    string            `json:"accessKeyId"`
	IdentityID     string            `json:"identityId,omitempty"`
	IdentityPoolID string            `json:"identityPoolId,omitempty"`
	AMR            []string          `json:"amr,omitempty"`
	Provider       string            `json:"provider,omitempty"`
	Tags           map[string]string `json:"tags,omitempty"`
	SourceIdentity string            `json:"sourceIdentity,omitempty"`
	Issued         time.Time         `json:"issued"`
	Expires        time.Time         `json:"expires"`
}

func (p *principal) lines(t *lines) {
	t.add("session", p.ARN)
	t.add("role", p.RoleARN)
	t.named("identity", p.IdentityID)
	t.named("pool", p.IdentityPoolID)
	t.named("provider", p.Provider)
	t.named("login", strings.Join(p.AMR, ", "))
	t.named("source identity", p.SourceIdentity)
	t.add("issued", p.Issued.UTC().Format(time.RFC3339))
	t.add("expires", p.Expires.UTC().Format(time.RFC3339))

	for _, key := range sortedKeys(p.Tags) {
		t.add("principal tag", key, p.Tags[key])
	}
}

func (o Options) sessionVerify() *cobra.Command {
	c := o.on(&cobra.Command{
		Use:   "verify ACCESS_KEY_ID",
		Short: "Tell whose session credentials are, and until when they are valid",
		Long: `Services that check signatures themselves ask the same, and get a key to check with. This
command does not show the key. The session token is read from a file: in a command line,
other users of the machine could read it.`,
		Example: "  poolhouse session verify ASIAIOSFODNN7EXAMPLE --token session-token.txt",
		Args:    cobra.ExactArgs(1),
	}, verifySession)
	c.Flags().String("token", "", "file with the session token; - reads standard input")
	_ = c.MarkFlagRequired("token")
	addForm(c)

	return c
}

func verifySession(ctx context.Context, c *cobra.Command, client *apply.Client, args []string) error {
	path, _ := c.Flags().GetString("token")
	token, err := readCredential(c.InOrStdin(), path)
	if err != nil {
		return err
	}

	in := members{
		"AccessKeyId":  args[0],
		"SessionToken": token,
		"Date":         client.Now().UTC().Format("20060102"),
		"Region":       client.Region,
		"Service":      "execute-api", // any that is not one of the server's own
	}
	var out struct{ Principal principal }
	if err := client.Admin(ctx, "VerifySession", in, &out); err != nil {
		return err
	}

	return show(c, out.Principal, out.Principal.lines)
}
