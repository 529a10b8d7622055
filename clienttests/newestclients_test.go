//go:build extended

package clienttests

import "testing"

// The pages of the clients work from nothing, with the commands that they tell to
// install with, at the newest versions of the registries.
func TestNewestClientPages(t *testing.T) {
	checkTable(t, runClients(t, newestRuns), 2)
}
