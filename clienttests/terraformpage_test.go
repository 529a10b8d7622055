//go:build terraform || extended

package clienttests

import "testing"

// The page of Terraform does what it tells.
func TestTerraformPage(t *testing.T) {
	checkTable(t, runClients(t, []clientRun{terraformRun}), 1)
}
