package devuserpool_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const idsChosenByHome = "IDs are chosen by the home account of this server only; " +
	"for other accounts its operator can set chosen_ids to all."

// The setting chosen_ids holds for user pools too: an account that chooses could take an ID that identity
// pools of others trust.
func TestSettingOfChosenIDs(t *testing.T) {
	for setting, others := range map[string]string{
		"":     "AccessDeniedException",
		"home": "AccessDeniedException",
		"all":  "",
	} {
		w := wiretest.StartTenants(t, []string{wiretest.Stranger}, func(c *poolhouse.Config) { c.ChosenIDs = setting })
		for account, want := range map[string]string{wiretest.HomeAccount: "", wiretest.Stranger: others} {
			key := w.Keys[account]
			_, err := usersOf(w.Server, key.AccessKeyID, key.SecretAccessKey).CreateUserPool(t.Context(),
				&idp.CreateUserPoolInput{
					PoolName:     aws.String("users"),
					UserPoolTags: map[string]string{"_custom_id_": "us-east-1_Of" + account},
				})

			if want != "" {
				wiretest.WantError(t, err, want, idsChosenByHome)
			} else if err != nil {
				t.Errorf("chosen_ids %q, account %s: %v", setting, account, err)
			}
		}
	}
}
