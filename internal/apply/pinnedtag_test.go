package apply_test

import (
	"strings"
	"testing"
)

// A template of CloudFormation pins a pool's ID by the tag that LocalStack has for it; the tag stays,
// and a second apply changes nothing.
func TestPinnedByTag(t *testing.T) {
	const file = `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties:
      IdentityPoolName: app
      AllowUnauthenticatedIdentities: true
      IdentityPoolTags:
        - {Key: _custom_id_, Value: 11111111-2222-4333-8444-555555555555}
`
	r := newRig(t)
	r.must(file)
	contains(t, r.must(file), "0 to create, 0 to update, 0 to delete, ")
	exported := string(r.export(false).File)
	contains(t, exported, "PoolhouseId: "+poolOne)
	contains(t, exported, "_custom_id_")

	wrong := strings.NewReplacer("11111111-2222-4333-8444-555555555555", "mine", "name: app", "name: b").Replace(file)
	if out, err := newRig(t).run(wrong); err == nil || !strings.Contains(err.Error(), "must hold a pool ID") {
		t.Errorf("a wrong form: %s, %v", out, err)
	}
}
