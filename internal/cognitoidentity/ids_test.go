package cognitoidentity_test

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/uuid"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// atTenants starts a server of the tenants' data; several, one after the other,
// may have the same folder.
func atTenants(t *testing.T, dir string, change ...func(*poolhouse.Config)) *wiretest.Tenants {
	t.Helper()
	w := &wiretest.Tenants{Dir: dir}
	w.Server = wiretest.Start(t, append([]func(*poolhouse.Config){func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.TokenAlgorithm, c.AcceptUnknownRoles = dir, wiretest.ProductionMaster, "ES256", false
		c.OnTrace = w.Traces.Add
	}}, change...)...)

	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	defer db.Close()

	keys := wiretest.Must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db,
		Sealer: wiretest.Must(envelope.New(wiretest.ProductionMaster))(t)}))(t)
	of := func(account string) wiretest.Tenant {
		key, secret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: identitypool.AccountID(account)})
		if err != nil {
			t.Fatal(err)
		}
		return wiretest.Tenant{Server: w.Server, Account: account, ID: key.ID, Secret: secret}
	}
	w.Home = wiretest.Tenant{Server: w.Server, Account: w.Account(), ID: "test", Secret: "test"}
	w.Victim, w.Thief = of("111111111111"), of("666666666666")

	return w
}

// poolTrust is a trust policy for pools, and for one identity if it is named.
func poolTrust(sid, identity string, pools ...string) string {
	conditions := `"cognito-identity.amazonaws.com:aud":["` + strings.Join(pools, `","`) + `"]`
	if identity != "" {
		conditions += `,"cognito-identity.amazonaws.com:sub":"` + identity + `"`
	}
	return `{"Version":"2012-10-17","Statement":[{"Sid":"` + sid + `","Effect":"Allow","Principal":{` +
		wiretest.FromPool + `},"Action":` + wiretest.Web + `,"Condition":{"StringEquals":{` + conditions + `}}}]}`
}

func freshID() string { return wiretest.Region + ":" + uuid.NewString() }

func chosenByAll(c *poolhouse.Config) { c.ChosenIDs = "all" }

// What an account leaves behind when it deletes a pool or an identity, roles that
// name the ID above all, is nobody else's: not the home account's either.
func TestADeletedIDGoesToNobodyElse(t *testing.T) {
	w := atTenants(t, t.TempDir(), chosenByAll)
	thieves := map[string]wiretest.Tenant{"the home account": w.Home, "another account": w.Thief}

	// In use, deleted, and with a role of the account that names it.
	pool, kept := w.Victim.NewPool(t), w.Victim.NewPool(t)
	guest, lone := w.GetID(t, pool, nil), w.GetID(t, kept, nil)

	byPool := w.Victim.NewRole(t, "ByPool", poolTrust("a", "", pool))
	byIdentity := w.Victim.NewRole(t, "ByIdentity", poolTrust("a", guest, pool))
	byLone := w.Victim.NewRole(t, "ByLone", poolTrust("a", lone, kept))
	for role, identity := range map[string]string{byPool: guest, byIdentity: guest, byLone: lone} {
		wiretest.Equal(t, role+" before the deletion", w.Assume(t, identity, role), "")
	}
	taken := func(state string) {
		t.Helper()

		for name, thief := range thieves {
			own := thief.NewPool(t)
			wiretest.Equal(t, name+" takes the pool's ID "+state, thief.TakePool(t, pool), "ResourceConflictException")
			_, err := thief.Pools().CreateIdentityPool(t.Context(),
				&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
					AllowUnauthenticatedIdentities: true, IdentityPoolTags: map[string]string{"_custom_id_": pool}})
			wiretest.WantError(t, err, "ResourceConflictException", "IdentityPool '"+pool+"' already exists.")

			for _, id := range []string{guest, lone} {
				wiretest.Equal(t, name+" takes an identity's ID "+state, thief.TakeIdentity(t, own, id), "Refused")
			}
		}
	}
	taken("in use")
	w.Victim.DeletePool(t, pool)
	wiretest.Must(w.Victim.Pools().DeleteIdentities(t.Context(),
		&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{lone}}))(t)
	taken("after the deletion")

	// The account itself takes them back, and its roles are as before.
	wiretest.Equal(t, "the pool's ID for its account", w.Victim.TakePool(t, pool), "")
	wiretest.Equal(t, "the guest's ID for its account", w.Victim.TakeIdentity(t, pool, guest), "")
	wiretest.Equal(t, "the lone guest's ID for its account", w.Victim.TakeIdentity(t, kept, lone), "")

	for role, identity := range map[string]string{byPool: guest, byIdentity: guest, byLone: lone} {
		wiretest.Equal(t, role+" after the account took the IDs back", w.Assume(t, identity, role), "")
	}
	taken("in use again")
}

// A role opens to a pool of another account only if its trust policy was written
// when the account had the pool's ID.
func TestRolesOpenToPoolsThatTheirAuthorCouldMean(t *testing.T) {
	w := atTenants(t, t.TempDir())
	never := freshID()
	living := w.Thief.NewPool(t)
	trust := poolTrust("a", "", never, living)
	role := w.Victim.NewRole(t, "Early", trust)
	own := w.Home.NewRole(t, "Early", trust)
	sole := w.Victim.NewRole(t, "Sole", poolTrust("a", "", never))
	wiretest.Equal(t, "the pool", w.Home.TakePool(t, never), "")
	late, local := w.GetID(t, never, nil), w.GetID(t, living, nil)

	refused := func(what, identity, role string) {
		t.Helper()
		wiretest.Equal(t, what, w.Assume(t, identity, role), "AccessDenied")

		var fix string
		for _, step := range w.Traces.Last().Steps {
			if !step.OK {
				fix = step.Fix
			}
		}
		if !strings.Contains(fix, "write its trust policy again") {
			t.Errorf("%s: the trace ends with %q", what, fix)
		}
	}

	refused("a pool that came after the trust policy", late, role)
	refused("a pool that came after the trust policy, which names no other", late, sole)
	wiretest.Equal(t, "the same in the role's own account", w.Assume(t, late, own), "")
	wiretest.Equal(t, "the living pool of the same statement", w.Assume(t, local, role), "")

	wiretest.Must(w.Victim.IAM().UpdateRole(t.Context(),
		&iamclient.UpdateRoleInput{RoleName: aws.String("Early"), Description: aws.String("x")}))(t)
	wiretest.Must(w.Victim.IAM().TagRole(t.Context(),
		&iamclient.TagRoleInput{RoleName: aws.String("Early"), Tags: []types.Tag{wiretest.IAMTag("a", "1")}}))(t)
	refused("after the role was changed otherwise", late, role)

	// The owner makes the pool again: to other accounts it is as old as it was.
	w.Victim.RewriteTrust(t, "Early", trust)
	wiretest.Equal(t, "after the trust policy was written again", w.Assume(t, late, role), "")
	refused("a role whose trust policy was not", late, sole)
	w.Home.DeletePool(t, never)
	wiretest.Equal(t, "the pool made again", w.Home.TakePool(t, never), "")
	late = w.GetID(t, never, nil)
	wiretest.Equal(t, "the pool made again by its account", w.Assume(t, late, role), "")
	refused("a role that was older than the first one", late, sole)

	after := w.Victim.NewRole(t, "After", trust)
	wiretest.Equal(t, "a role that is younger than the pool", w.Assume(t, late, after), "")
	wiretest.Must(w.Victim.IAM().DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("Sole")}))(t)
	w.Victim.NewRole(t, "Sole", poolTrust("a", "", never))
	wiretest.Equal(t, "a role that was made again", w.Assume(t, late, sole), "")

	other := w.Victim.NewRole(t, "Other", poolTrust("a", "", living))
	wiretest.Equal(t, "a pool that the trust policy does not name", w.Assume(t, late, other), "AccessDenied")
}

// The settings' trust policies are written when a start first brings them: not
// again by each restart.
func TestTrustPoliciesOfTheSettingsAge(t *testing.T) {
	dir, pool := t.TempDir(), freshID()
	const account, arn = "111111111111", "arn:aws:iam::111111111111:role/Settings"
	var identity string
	run := func(name, trust, want string) {
		t.Run(name, func(t *testing.T) {
			w := atTenants(t, dir, func(c *poolhouse.Config) {
				c.Roles = []poolhouse.RoleConfig{{ARN: arn, TrustPolicy: trust}}
			})
			if identity == "" {
				wiretest.Equal(t, "the pool", w.Home.TakePool(t, pool), "")
				identity = w.GetID(t, pool, nil)
			}
			wiretest.Equal(t, "the role", w.Assume(t, identity, arn), want)
		})
	}

	first := poolTrust("first", "", pool)
	run("the first start", first, "AccessDenied")
	run("a restart", first, "AccessDenied")
	run("other spaces", strings.ReplaceAll(first, `,"`, `, "`), "AccessDenied")
	run("written again", poolTrust("second", "", pool), "")
	run("a restart of that", poolTrust("second", "", pool), "")
	run("the first document again", first, "AccessDenied")
}

// Whoever brings pools over from AWS chooses their IDs: the home account, and
// others if a setting allows them.
func TestWhoChoosesIDs(t *testing.T) {
	ways := map[string]func(t *testing.T, a wiretest.Tenant) (refused string){
		"CreateIdentityPoolWithId": func(t *testing.T, a wiretest.Tenant) string { return a.TakePool(t, freshID()) },
		"LoadIdentities": func(t *testing.T,
			a wiretest.Tenant) string {
			return a.TakeIdentity(t, a.NewPool(t), freshID())
		},
		"the tag of development": func(t *testing.T, a wiretest.Tenant) string {
			id := freshID()
			out, err := a.Pools().CreateIdentityPool(t.Context(),
				&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
					AllowUnauthenticatedIdentities: true, IdentityPoolTags: map[string]string{"_custom_id_": id}})
			if err != nil {
				wiretest.WantError(t, err, "AccessDeniedException", "")
				return "AccessDeniedException"
			}
			wiretest.Equal(t, "the pool", *out.IdentityPoolId, id)

			return ""
		},
		"apply": func(t *testing.T, a wiretest.Tenant) string {
			file := fmt.Sprintf(
				"Resources:\n  P:\n    Type: AWS::Cognito::IdentityPool\n    Metadata: {PoolhouseId: %q}\n"+
					"    Properties: {AllowUnauthenticatedIdentities: true}\n", freshID())
			declared := wiretest.Must(apply.Read([]byte(file), apply.ReadOptions{}))(t)
			_, err := apply.Apply(t.Context(), a.Declare(), declared, apply.Options{Name: "f", Out: io.Discard})

			return a.Declared(err)
		},
		"import of identities": func(t *testing.T, a wiretest.Tenant) string {
			line := fmt.Sprintf(`{"IdentityPoolId":%q,"IdentityId":%q,"Guest":true}`, a.NewPool(t), freshID())
			return a.Declared(apply.LoadIdentities(t.Context(), a.Declare(), strings.NewReader(line), io.Discard))
		},
	}

	for setting, others := range map[string]string{"": "AccessDeniedException", "home": "AccessDeniedException",
		"all": ""} {
		t.Run("chosen_ids: "+setting, func(t *testing.T) {
			w := atTenants(t, t.TempDir(), func(c *poolhouse.Config) { c.ChosenIDs = setting })
			for name, way := range ways {
				wiretest.Equal(t, name+" by the home account", way(t, w.Home), "")
				wiretest.Equal(t, name+" by another account", way(t, w.Thief), others)
			}
			if others != "" {
				fixes := fmt.Sprint(w.Traces.Last().Steps)
				if !strings.Contains(fixes, "chosen_ids") {
					t.Errorf("the trace has no fix: %s", fixes)
				}
			}
		})
	}

	c := poolhouse.Config{ChosenIDs: "some", IssuerURL: "https://id.example"}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), `chosen_ids "some"`) {
		t.Errorf("Validate = %v", err)
	}
}

// A database of before this rule, whose deletions left no trace: roles that name
// an ID which nobody has are older than whoever takes it, and those that name a
// living pool of another account go on.
func TestOlderDatabaseKeepsRolesClosed(t *testing.T) {
	dir := t.TempDir()
	facts := wiretest.OldDatabase(t, dir)
	server := wiretest.Start(t, func(c *poolhouse.Config) {
		c.Dev, c.AcceptUnknownRoles, c.DataDir, c.MasterKey, c.TokenAlgorithm = false, false, dir,
			bytes.Repeat([]byte{0x42}, 32), "ES256"
		c.ChosenIDs = "all"
	})
	w := &wiretest.Tenants{Server: server}
	a := wiretest.Tenant{Server: server, Account: facts["account_a"], ID: facts["key_a"], Secret: facts["secret_a"]}
	b := wiretest.Tenant{Server: server, Account: facts["account_b"], ID: facts["key_b"], Secret: facts["secret_b"]}

	for role, name := range map[string]string{"NamesDead": "dead", "NamesNever": "never"} {
		wiretest.Equal(t, "the pool "+name, b.TakePool(t, facts[name]), "")
		wiretest.Equal(t, role, w.Assume(t, w.GetID(t, facts[name], nil), a.RoleARN(role)), "AccessDenied")
	}
	wiretest.Equal(t, "the deleted guest's ID", b.TakeIdentity(t, facts["dead"], facts["guest_of_dead"]), "")
	wiretest.Equal(t, "NamesDead for the deleted guest's ID",
		w.Assume(t, facts["guest_of_dead"], a.RoleARN("NamesDead")), "AccessDenied")
	wiretest.Equal(t, "TrustsLivingA", w.Assume(t, facts["guest_a"], a.RoleARN("TrustsLivingA")), "")
	wiretest.Equal(t, "TrustsLivingB", w.Assume(t, facts["guest_b"], a.RoleARN("TrustsLivingB")), "")

	// From now on deletions leave their trace.
	b.DeletePool(t, facts["living_b"])
	wiretest.Equal(t, "the pool of B for A", a.TakePool(t, facts["living_b"]), "ResourceConflictException")
	wiretest.Equal(t, "the pool of B for B", b.TakePool(t, facts["living_b"]), "")
	wiretest.Equal(t, "TrustsLivingB for the pool made again",
		w.Assume(t, w.GetID(t, facts["living_b"], nil), a.RoleARN("TrustsLivingB")), "")
}
