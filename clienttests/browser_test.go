package clienttests

import "testing"

// Real web pages in Chromium. The tests are in js/browser.test.mjs.
func TestBrowser(t *testing.T) {
	node, chromium := client(t, "node", "nodejs"), client(t, "/usr/bin/chromium", "chromium")
	out := startDev(t).script(t, "js", []string{"POOLHOUSE_CHROMIUM=" + chromium}, node,
		"--test", "--test-reporter=tap", "browser.test.mjs")
	allPassed(t, out)
}
