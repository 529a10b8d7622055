package poolhouse_test

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
)

// atTenants starts a server of the tenants' data; several, one after the other,
// may have the same folder.
func atTenants(t *testing.T, dir string, change ...func(*poolhouse.Config)) *tenants {
	t.Helper()
	w := &tenants{dir: dir}
	w.testServer = start(t, append([]func(*poolhouse.Config){func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.TokenAlgorithm, c.AcceptUnknownRoles = dir, productionMaster, "ES256", false
		c.OnTrace = w.traces.add
	}}, change...)...)

	db := must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	defer db.Close()
	keys := must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db, Sealer: must(envelope.New(productionMaster))(t)}))(t)
	of := func(account string) tenant {
		key, secret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: identitypool.AccountID(account)})
		if err != nil {
			t.Fatal(err)
		}
		return tenant{server: w.testServer, account: account, id: key.ID, secret: secret}
	}
	w.home = tenant{server: w.testServer, account: w.Account(), id: "test", secret: "test"}
	w.victim, w.thief = of("111111111111"), of("666666666666")
	return w
}

// poolTrust is a trust policy for pools, and for one identity if it is named.
func poolTrust(sid, identity string, pools ...string) string {
	conditions := `"cognito-identity.amazonaws.com:aud":["` + strings.Join(pools, `","`) + `"]`
	if identity != "" {
		conditions += `,"cognito-identity.amazonaws.com:sub":"` + identity + `"`
	}
	return `{"Version":"2012-10-17","Statement":[{"Sid":"` + sid + `","Effect":"Allow","Principal":{` + fromPool + `},"Action":` + web + `,"Condition":{"StringEquals":{` + conditions + `}}}]}`
}

func freshID() string { return region + ":" + uuid.NewString() }

func chosenByAll(c *poolhouse.Config) { c.ChosenIDs = "all" }

// What an account leaves behind when it deletes a pool or an identity, roles that
// name the ID above all, is nobody else's: not the home account's either.
func TestADeletedIDGoesToNobodyElse(t *testing.T) {
	w := atTenants(t, t.TempDir(), chosenByAll)
	thieves := map[string]tenant{"the home account": w.home, "another account": w.thief}

	// In use, deleted, and with a role of the account that names it.
	pool, kept := w.victim.newPool(t), w.victim.newPool(t)
	guest, lone := w.getID(t, pool, nil), w.getID(t, kept, nil)
	byPool := w.victim.newRole(t, "ByPool", poolTrust("a", "", pool))
	byIdentity := w.victim.newRole(t, "ByIdentity", poolTrust("a", guest, pool))
	byLone := w.victim.newRole(t, "ByLone", poolTrust("a", lone, kept))
	for role, identity := range map[string]string{byPool: guest, byIdentity: guest, byLone: lone} {
		equal(t, role+" before the deletion", w.assume(t, identity, role), "")
	}
	taken := func(state string) {
		t.Helper()
		for name, thief := range thieves {
			own := thief.newPool(t)
			equal(t, name+" takes the pool's ID "+state, thief.takePool(t, pool), "ResourceConflictException")
			_, err := thief.pools().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
				AllowUnauthenticatedIdentities: true, IdentityPoolTags: map[string]string{"_custom_id_": pool}})
			wantError(t, err, "ResourceConflictException", "IdentityPool '"+pool+"' already exists.")
			for _, id := range []string{guest, lone} {
				equal(t, name+" takes an identity's ID "+state, thief.takeIdentity(t, own, id), "Refused")
			}
		}
	}
	taken("in use")
	w.victim.deletePool(t, pool)
	must(w.victim.pools().DeleteIdentities(t.Context(), &ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{lone}}))(t)
	taken("after the deletion")

	// The account itself takes them back, and its roles are as before.
	equal(t, "the pool's ID for its account", w.victim.takePool(t, pool), "")
	equal(t, "the guest's ID for its account", w.victim.takeIdentity(t, pool, guest), "")
	equal(t, "the lone guest's ID for its account", w.victim.takeIdentity(t, kept, lone), "")
	for role, identity := range map[string]string{byPool: guest, byIdentity: guest, byLone: lone} {
		equal(t, role+" after the account took the IDs back", w.assume(t, identity, role), "")
	}
	taken("in use again")
}

// A role opens to a pool of another account only if its trust policy was written
// when the account had the pool's ID.
func TestRolesOpenToPoolsThatTheirAuthorCouldMean(t *testing.T) {
	w := atTenants(t, t.TempDir())
	never := freshID()
	living := w.thief.newPool(t)
	trust := poolTrust("a", "", never, living)
	role := w.victim.newRole(t, "Early", trust)
	own := w.home.newRole(t, "Early", trust)
	sole := w.victim.newRole(t, "Sole", poolTrust("a", "", never))
	equal(t, "the pool", w.home.takePool(t, never), "")
	late, local := w.getID(t, never, nil), w.getID(t, living, nil)

	refused := func(what, identity, role string) {
		t.Helper()
		equal(t, what, w.assume(t, identity, role), "AccessDenied")
		var fix string
		for _, step := range w.traces.last().Steps {
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
	equal(t, "the same in the role's own account", w.assume(t, late, own), "")
	equal(t, "the living pool of the same statement", w.assume(t, local, role), "")

	must(w.victim.iam().UpdateRole(t.Context(), &iamclient.UpdateRoleInput{RoleName: aws.String("Early"), Description: aws.String("x")}))(t)
	must(w.victim.iam().TagRole(t.Context(), &iamclient.TagRoleInput{RoleName: aws.String("Early"), Tags: []types.Tag{iamTag("a", "1")}}))(t)
	refused("after the role was changed otherwise", late, role)

	// The owner makes the pool again: to other accounts it is as old as it was.
	w.victim.rewriteTrust(t, "Early", trust)
	equal(t, "after the trust policy was written again", w.assume(t, late, role), "")
	refused("a role whose trust policy was not", late, sole)
	w.home.deletePool(t, never)
	equal(t, "the pool made again", w.home.takePool(t, never), "")
	late = w.getID(t, never, nil)
	equal(t, "the pool made again by its account", w.assume(t, late, role), "")
	refused("a role that was older than the first one", late, sole)

	after := w.victim.newRole(t, "After", trust)
	equal(t, "a role that is younger than the pool", w.assume(t, late, after), "")
	must(w.victim.iam().DeleteRole(t.Context(), &iamclient.DeleteRoleInput{RoleName: aws.String("Sole")}))(t)
	w.victim.newRole(t, "Sole", poolTrust("a", "", never))
	equal(t, "a role that was made again", w.assume(t, late, sole), "")
	other := w.victim.newRole(t, "Other", poolTrust("a", "", living))
	equal(t, "a pool that the trust policy does not name", w.assume(t, late, other), "AccessDenied")
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
				equal(t, "the pool", w.home.takePool(t, pool), "")
				identity = w.getID(t, pool, nil)
			}
			equal(t, "the role", w.assume(t, identity, arn), want)
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
// others if the operator says so.
func TestWhoChoosesIDs(t *testing.T) {
	ways := map[string]func(t *testing.T, a tenant) (refused string){
		"CreateIdentityPoolWithId": func(t *testing.T, a tenant) string { return a.takePool(t, freshID()) },
		"LoadIdentities":           func(t *testing.T, a tenant) string { return a.takeIdentity(t, a.newPool(t), freshID()) },
		"the tag of development": func(t *testing.T, a tenant) string {
			id := freshID()
			out, err := a.pools().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
				AllowUnauthenticatedIdentities: true, IdentityPoolTags: map[string]string{"_custom_id_": id}})
			if err != nil {
				wantError(t, err, "AccessDeniedException", "")
				return "AccessDeniedException"
			}
			equal(t, "the pool", *out.IdentityPoolId, id)
			return ""
		},
		"apply": func(t *testing.T, a tenant) string {
			file := fmt.Sprintf("Resources:\n  P:\n    Type: AWS::Cognito::IdentityPool\n    Metadata: {PoolhouseId: %q}\n    Properties: {AllowUnauthenticatedIdentities: true}\n", freshID())
			return a.declared(apply.Apply(t.Context(), a.declare(), must(apply.Read([]byte(file)))(t), apply.Options{Name: "f", Out: io.Discard}))
		},
		"import of identities": func(t *testing.T, a tenant) string {
			line := fmt.Sprintf(`{"IdentityPoolId":%q,"IdentityId":%q,"Guest":true}`, a.newPool(t), freshID())
			return a.declared(apply.LoadIdentities(t.Context(), a.declare(), strings.NewReader(line), io.Discard))
		},
	}
	for setting, others := range map[string]string{"": "AccessDeniedException", "home": "AccessDeniedException", "all": ""} {
		t.Run("chosen_ids: "+setting, func(t *testing.T) {
			w := atTenants(t, t.TempDir(), func(c *poolhouse.Config) { c.ChosenIDs = setting })
			for name, way := range ways {
				equal(t, name+" by the home account", way(t, w.home), "")
				equal(t, name+" by another account", way(t, w.thief), others)
			}
			if others != "" {
				fixes := fmt.Sprint(w.traces.last().Steps)
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
	facts := oldDatabase(t, dir)
	server := start(t, func(c *poolhouse.Config) {
		c.Dev, c.AcceptUnknownRoles, c.DataDir, c.MasterKey, c.TokenAlgorithm = false, false, dir, bytes.Repeat([]byte{0x42}, 32), "ES256"
		c.ChosenIDs = "all"
	})
	w := &tenants{testServer: server}
	a := tenant{server: server, account: facts["account_a"], id: facts["key_a"], secret: facts["secret_a"]}
	b := tenant{server: server, account: facts["account_b"], id: facts["key_b"], secret: facts["secret_b"]}

	for role, name := range map[string]string{"NamesDead": "dead", "NamesNever": "never"} {
		equal(t, "the pool "+name, b.takePool(t, facts[name]), "")
		equal(t, role, w.assume(t, w.getID(t, facts[name], nil), a.roleARN(role)), "AccessDenied")
	}
	equal(t, "the deleted guest's ID", b.takeIdentity(t, facts["dead"], facts["guest_of_dead"]), "")
	equal(t, "NamesDead for the deleted guest's ID", w.assume(t, facts["guest_of_dead"], a.roleARN("NamesDead")), "AccessDenied")
	equal(t, "TrustsLivingA", w.assume(t, facts["guest_a"], a.roleARN("TrustsLivingA")), "")
	equal(t, "TrustsLivingB", w.assume(t, facts["guest_b"], a.roleARN("TrustsLivingB")), "")

	// From now on deletions leave their trace.
	b.deletePool(t, facts["living_b"])
	equal(t, "the pool of B for A", a.takePool(t, facts["living_b"]), "ResourceConflictException")
	equal(t, "the pool of B for B", b.takePool(t, facts["living_b"]), "")
	equal(t, "TrustsLivingB for the pool made again", w.assume(t, w.getID(t, facts["living_b"], nil), a.roleARN("TrustsLivingB")), "")
}
