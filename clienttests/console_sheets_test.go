//go:build extended

package clienttests

import "testing"

// Every page of the console in every view: themes, widths, forced colours and motion. With SCREENSHOTS, a sheet of each
// page goes to that folder.
func TestConsoleSheets(t *testing.T) {
	consoleScript(t, "js/consolesheets")
}
