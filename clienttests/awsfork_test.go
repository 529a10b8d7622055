package clienttests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// awsProgram is where Debian has the AWS CLI.
const awsProgram = "/usr/bin/aws"

// forkedAWS returns a folder with a program aws that runs Debian's AWS CLI without its start, which takes longer than
// a call. It is the folder of the AWS CLI itself where that is not Debian's.
func forkedAWS(t *testing.T) string {
	t.Helper()
	program := client(t, awsProgram, "awscli")
	python, err := interpreterOf(program)
	if err != nil {
		t.Fatal(err)
	}
	if python == "" {
		return filepath.Dir(program)
	}

	folder, err := startAWS(python)
	if err != nil {
		t.Fatal(err)
	}

	return folder
}

// interpreterOf returns the Python of a program that is a script; "" = another kind of program.
func interpreterOf(program string) (string, error) {
	file, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()

	line, _ := bufio.NewReader(file).ReadString('\n')
	python, isScript := strings.CutPrefix(strings.TrimSpace(line), "#!")
	if !isScript || !strings.HasPrefix(filepath.Base(python), "python") {
		return "", nil
	}

	return python, nil
}

// awsLives is the standard input of the process that startAWS starts, which ends with it.
var awsLives io.Closer

// startAWS starts the process that the calls are forked from, once. It ends when this process does.
var startAWS = onceFor(func(python string) (string, error) {
	folder := filepath.Join(filepath.Dir(binary), "awsfork")
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "aws"), "./awsfork")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}

	server := exec.Command(python, "awsfork/awsfork.py", filepath.Join(folder, "socket"))
	server.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent"}
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	if err != nil {
		return "", err
	}
	awsLives = stdin
	out, err := server.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := server.Start(); err != nil {
		return "", err
	}

	kill := time.AfterFunc(startTimeout, func() { _ = server.Process.Kill() })
	defer kill.Stop()

	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return "", errors.New("awsfork.py did not start")
	}

	return folder, nil
})

// onceFor returns a function that calls f once, and returns the same to all callers.
func onceFor(f func(string) (string, error)) func(string) (string, error) {
	var once sync.Once
	var value string
	var err error

	return func(argument string) (string, error) {
		once.Do(func() { value, err = f(argument) })
		return value, err
	}
}

// before puts a folder in front of an environment's path.
func before(folder string, environment []string) []string {
	for i, entry := range environment {
		if path, found := strings.CutPrefix(entry, "PATH="); found {
			environment[i] = "PATH=" + folder + ":" + path
		}
	}
	return environment
}

// A forked AWS CLI is the one that starts: the same streams, the same exit codes, in the caller's folder.
func TestForkedAWS(t *testing.T) {
	t.Parallel()
	folder, home := forkedAWS(t), t.TempDir()
	writeFile(t, filepath.Join(home, ".aws", "config"), "[profile mine]\nregion = eu-west-1\n")
	writeFile(t, filepath.Join(home, "input.json"), `{"MaxResults": "none"}`)

	for _, arguments := range [][]string{
		{"--version"},
		{"configure", "get", "region", "--profile", "mine"},
		{"configure", "get", "region", "--profile", "nobody"},
		{"sts", "no-such-operation"},
		{"cognito-identity", "list-identity-pools", "--cli-input-json", "file://input.json", "--region", "us-east-1"},
		{"sts", "get-caller-identity", "--endpoint-url", "http://127.0.0.1:1", "--region", "us-east-1"},
	} {
		var ends [2]string
		for i, program := range []string{awsProgram, filepath.Join(folder, "aws")} {
			cmd := exec.CommandContext(t.Context(), program, arguments...)
			cmd.Dir = home
			cmd.Env = append(plainEnvironment(t), "HOME="+home, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
				"AWS_MAX_ATTEMPTS=1")
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			ends[i] = fmt.Sprintf("%d\n%s\n%s", cmd.ProcessState.ExitCode(), &stdout, &stderr)
		}
		if ends[0] != ends[1] {
			t.Errorf("%q:\n%s\nforked:\n%s", arguments, ends[0], ends[1])
		}
	}
}
