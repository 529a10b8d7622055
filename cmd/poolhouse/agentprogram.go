package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
)

// programExit is the end of the program that the agent ran, whose status becomes this command's. There
// is nothing to tell unless the agent failed, too.
type programExit struct {
	status int
	cause  error // why the program could not be run, or what the agent could not do; nil = nothing
}

func (e *programExit) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("the program ended with status %d", e.status)
	}
	return e.cause.Error()
}

func (e *programExit) Unwrap() error { return e.cause }

// Statuses of shells for a program that is not found, and for one that cannot be run.
const (
	statusNoProgram   = 127
	statusNotRunnable = 126
)

// outranking are variables from which AWS SDKs would take other credentials than the agent's, or by
// which they would look for them elsewhere.
var outranking = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
	"AWS_CREDENTIAL_EXPIRATION",
	"AWS_ACCESS_KEY", "AWS_SECRET_KEY", // of older SDKs; that for Go still reads them
	"AWS_CREDENTIAL_FILE", "BOTO_CONFIG", "AWS_CREDENTIAL_PROFILES_FILE", // of botocore, and of Java's first SDK
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", fullURIVariable, tokenVariable, tokenFileVariable,
}

// programEnvironment returns the environment of a program: the agent's, in which no other credentials
// come first.
func programEnvironment(environment []string, variables []variable) []string {
	result := slices.DeleteFunc(slices.Clone(environment), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(outranking, strings.ToUpper(name))
	})
	for _, v := range variables {
		result = append(result, v.name+"="+v.value)
	}

	// Without BOTO_CONFIG, botocore takes keys from ~/.boto and /etc/boto.cfg.
	return append(result, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "BOTO_CONFIG="+os.DevNull)
}

// checkSharedFiles refuses to run a program that would use another identity: the default profile of
// AWS's configuration file comes before container credentials.
func checkSharedFiles(ctx context.Context) error {
	path := os.Getenv("AWS_CONFIG_FILE")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return err
		}
		path = filepath.Join(home, ".aws", "config")
	}

	profile, err := config.LoadSharedConfigProfile(ctx, "default", func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles = []string{path}, []string{os.DevNull}
	})
	if _, none := errors.AsType[config.SharedConfigProfileNotExistError](err); none {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the default profile in %s: %w; run with AWS_CONFIG_FILE=%s, or mend it",
			path, err, os.DevNull)
	}

	for _, setting := range []struct {
		name  string
		given bool
	}{
		{"aws_access_key_id", profile.Credentials.AccessKeyID != ""},
		{"credential_process", profile.CredentialProcess != ""},
		{"credential_source", profile.CredentialSource != ""},
		{"role_arn", profile.RoleARN != ""},
		{"source_profile", profile.SourceProfileName != ""},
		{"sso_session", profile.SSOSessionName != ""},
		{"sso_start_url", profile.SSOStartURL != ""},
		{"web_identity_token_file", profile.WebIdentityTokenFile != ""},
		{"login_session", profile.LoginSession != ""},
	} {
		if setting.given {
			return fmt.Errorf("the default profile in %s has %s, which AWS SDKs use before the agent: run with "+
				"AWS_CONFIG_FILE=%s, or move the setting to another profile", path, setting.name, os.DevNull)
		}
	}

	return nil
}

// runProgram runs a program until it ends, and passes signals on. It returns *programExit unless the
// program succeeds.
func runProgram(program []string, environment []string) error {
	command := exec.Command(program[0], program[1:]...) //nolint:noctx // it ends when it wants to
	command.Env = environment
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr

	signals := make(chan os.Signal, len(passedOn))
	defer signal.Stop(signals)

	for _, s := range passedOn {
		if !signal.Ignored(s) { // as under nohup: the program ignores it, too
			signal.Notify(signals, s)
		}
	}

	if err := command.Start(); err != nil {
		status := statusNotRunnable
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			status = statusNoProgram
		}

		return &programExit{status: status, cause: err}
	}

	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()

	for {
		select {
		case s := <-signals:
			// A terminal has sent its signals to the program already.
			if !fromTerminal(s) {
				_ = command.Process.Signal(s) // the program may have ended
			}
		case err := <-ended:
			if failed, is := errors.AsType[*exec.ExitError](err); is {
				return &programExit{status: exitStatusOf(failed.ProcessState)}
			}
			return err
		}
	}
}
