package packaging

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// room is where a program runs: the files of an image or of installed packages, as a user.
type room struct {
	root        string
	user        uint32
	environment []string
	folder      string // working directory, as the program sees it
}

// command is a program in the room.
func (r room) command(t *testing.T, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("run this test as root: it changes the root folder and the user of the programs")
	}

	return &exec.Cmd{
		Path: program,
		Args: append([]string{program}, arguments...),
		Env:  r.environment,
		Dir:  r.folder,
		SysProcAttr: &syscall.SysProcAttr{
			Chroot:     r.root,
			Credential: &syscall.Credential{Uid: r.user, Gid: r.user},
		},
	}
}

// run runs a program to its end; its exit status and its standard output.
func (r room) run(t *testing.T, program string, arguments ...string) (int, string) {
	t.Helper()
	command := r.command(t, program, arguments...)
	command.Stderr = t.Output()
	out, err := command.Output()
	if exit, ended := errors.AsType[*exec.ExitError](err); ended {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}

	return 0, string(out)
}

// startTimeout bounds what takes milliseconds on an idle machine.
const startTimeout = time.Minute

// start runs a server until the test ends, which must then stop cleanly. It returns the server's
// URL.
func (r room) start(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := r.command(t, program, arguments...)
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()

	found, ended := make(chan string, 1), make(chan struct{})
	log := t.Output()
	go func() {
		defer close(ended)

		for lines := bufio.NewScanner(io.TeeReader(reader, log)); lines.Scan(); {
			if url := listensAt(lines.Text()); url != "" {
				found <- url
			}
		}
	}()

	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := command.Wait(); err != nil {
			t.Errorf("%s ended with: %v", program, err)
		}
	})

	select {
	case url := <-found:
		return url
	case <-ended:
		t.Fatalf("%s ended", program)
	case <-time.After(startTimeout):
		t.Fatalf("%s did not start", program)
	}

	return ""
}

// listensAt returns the URL in a line of `poolhouse dev` or of the log of `poolhouse serve`.
func listensAt(line string) string {
	if _, url, found := strings.Cut(line, "listens on "); found {
		return strings.TrimSpace(url)
	}
	var entry struct{ Msg, Address string }
	if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
		return "http://" + entry.Address
	}

	return ""
}
