package devuserpool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Only accounts that may choose IDs do so, for pools and for clients.
func TestWhoChoosesIDs(t *testing.T) {
	const denied = "AccessDeniedException: IDs are chosen by the home account of this server only; " +
		"for other accounts its operator can set chosen_ids to all."
	r := newRig(t, nil, nil)
	chosen := object{"PoolName": "p", "UserPoolTags": object{identitypool.CustomIDTag: "eu-central-1_Trusted"}}

	r.account = "444455556666"
	r.refused("CreateUserPool", chosen, denied)
	own := r.ok("CreateUserPool", object{"PoolName": "p"})["UserPool"].(object)["Id"]
	client := object{"UserPoolId": own, "ClientName": "c", "PoolhouseId": "trustedclient"}
	r.refused("CreateUserPoolClient", client, denied)

	r.chosenByAll = true
	r.ok("CreateUserPool", chosen)
	r.ok("CreateUserPoolClient", client)
}

// The ID of a deleted pool or client goes to no other account, also after a restart.
func TestDeletedIDsStayWithTheirAccount(t *testing.T) {
	r := newRig(t, nil, nil)
	state, err := OpenState(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r.State, r.chosenByAll = state, true
	pool := object{"PoolName": "p", "UserPoolTags": object{identitypool.CustomIDTag: "eu-central-1_Mine"}}
	client := object{"UserPoolId": "eu-central-1_Mine", "ClientName": "c", "PoolhouseId": "myclient"}
	gone := object{"UserPoolId": "eu-central-1_Mine", "ClientName": "c", "PoolhouseId": "goneclient"}
	r.ok("CreateUserPool", pool)
	r.ok("CreateUserPoolClient", client)
	r.ok("CreateUserPoolClient", gone)
	r.ok("DeleteUserPoolClient", object{"UserPoolId": "eu-central-1_Mine", "ClientId": "goneclient"})
	r.ok("DeleteUserPool", object{"UserPoolId": "eu-central-1_Mine"})
	if r.State, err = OpenState(state.folder); err != nil {
		t.Fatal(err)
	}

	r.account = "444455556666"
	r.refused("CreateUserPool", pool, "InvalidParameterException: The user pool ID is taken.")
	inLowerCase := object{identitypool.CustomIDTag: "eu-central-1_mine"}
	r.refused("CreateUserPool", object{"PoolName": "p", "UserPoolTags": inLowerCase},
		"InvalidParameterException: The user pool ID is taken.")
	own := r.ok("CreateUserPool", object{"PoolName": "p"})["UserPool"].(object)["Id"]
	for _, id := range []string{"myclient", "goneclient"} {
		r.refused("CreateUserPoolClient", object{"UserPoolId": own, "ClientName": "c", "PoolhouseId": id},
			"InvalidParameterException: The client ID is taken.")
	}

	r.account = ""
	r.ok("CreateUserPool", pool)
	r.ok("CreateUserPoolClient", client)
}

// An account that deletes much only forgets its own IDs.
func TestFormerIDsAreBounded(t *testing.T) {
	s, err := OpenState("")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.keepFormer("1", "victim"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxFormerOfAccount {
		if err := s.keepFormer("2", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if !s.isOthers("victim", "2") || len(s.former) != 1+maxFormerOfAccount {
		t.Errorf("%d are kept", len(s.former))
	}
}

func TestDamagedFormerIDs(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, formerFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenState(folder); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}

// What a killed process was writing is gone after the next start.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	_, folder, _ := stored(t)
	left := filepath.Join(folder, ".poolhouse-new-123")
	if err := os.WriteFile(left, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := OpenState(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
	if len(again.all()) != 1 {
		t.Error("the pool is gone")
	}
}
