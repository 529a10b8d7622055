package packaging

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// startDev starts a command that runs `poolhouse dev`, and returns a connection to the server.
func startDev(t *testing.T, c *exec.Cmd) connection {
	t.Helper()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})

	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var ready struct{ Endpoint string }
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		t.Fatal(err)
	}

	return connect(t, ready.Endpoint)
}

// The server ends with the launcher and with npx, by signals that these can and cannot notice.
func TestServersEndWithTheirLaunchers(t *testing.T) {
	folder := installNode(t, filepath.Join(nodeFolder(t), "a folder"), "vitest/after")
	launcher := filepath.Join(folder, "node_modules/.bin/poolhouse")
	dev := []string{"dev", "--memory", "--listen", "127.0.0.1:0", "--ready-file", "-"}

	for _, c := range []struct {
		name    string
		command []string
		signal  os.Signal
	}{
		{"launcher, killed", []string{launcher}, syscall.SIGKILL},
		{"launcher, told to end", []string{launcher}, syscall.SIGTERM},
		{"launcher, interrupted", []string{launcher}, os.Interrupt},
		{"npx, killed", []string{"npx", "--offline", "poolhouse"}, syscall.SIGKILL},
		{"npx, told to end", []string{"npx", "--offline", "poolhouse"}, syscall.SIGTERM},
	} {
		t.Run(c.name, func(t *testing.T) {
			started := suite{folder, nil, append(c.command, dev...)}.cmd(t.Context(), t)
			server := startDev(t, started)
			if err := started.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			server.ends(t)
		})
	}
}

// Commands that are no server read their own standard input, and know no flag of the server.
func TestLauncherOfOtherCommands(t *testing.T) {
	folder := installNode(t, nodeFolder(t), "vitest/after")
	launcher := filepath.Join(folder, "node_modules/.bin/poolhouse")
	help := suite{folder, nil, []string{launcher, "dev", "info", "--help"}}.run(t, true)
	if !strings.Contains(help, "poolhouse dev info") {
		t.Errorf("dev info --help prints %s", help)
	}

	// Without the package of the platform the launcher tells what to do.
	if err := os.RemoveAll(filepath.Join(folder, "node_modules/@poolhouse")); err != nil {
		t.Fatal(err)
	}
	out := suite{folder, nil, []string{launcher, "version"}}.run(t, false)
	if !strings.Contains(out, "@poolhouse/linux-x64 is not installed") || strings.Contains(out, "    at ") {
		t.Errorf("without the program: %s", out)
	}
}
