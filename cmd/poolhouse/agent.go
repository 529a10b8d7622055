package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
	"github.com/poolhouse-id/poolhouse/internal/credentialagent"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// Variables of the container credential provider of AWS SDKs.
const (
	fullURIVariable   = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	tokenVariable     = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
	tokenFileVariable = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
)

const (
	maxTokenFile = 4 << 10 // bytes
	leastToken   = 16      // characters of a token that somebody else chose
	// agentStop bounds the requests that run when the agent ends.
	agentStop = 3 * time.Second
)

func agentCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "agent [flags] [-- program arguments…]",
		Short: "Give the credentials of a profile to programs beside it",
		Long: `Serve the credentials of a profile, renewed, to programs that take no
credential_process. They come in two ways:

  a local endpoint       that every AWS SDK knows from containers
                         (AWS_CONTAINER_CREDENTIALS_FULL_URI), with a token
  --credentials-file     a file as ~/.aws/credentials, replaced before it expires

With a program, the agent runs it with the environment set, passes signals on, and ends
with its exit status. Without one, it prints the environment, and runs until it is
stopped. It listens on loopback addresses only.`,
		Example: `  poolhouse agent --profile photos -- rclone sync photos: s3:photos
  poolhouse agent --profile photos --env-file agent.env &
  poolhouse agent --profile photos --credentials-file /run/user/1000/aws-credentials`,
		RunE: func(c *cobra.Command, args []string) error {
			if c.ArgsLenAtDash() > 0 || c.ArgsLenAtDash() < 0 && len(args) > 0 {
				return errors.New("write the program after --, as in: poolhouse agent -- aws s3 ls")
			}
			return runAgent(c, args)
		},
	}
	addProfile(c)
	f := c.Flags()
	f.String("listen", "127.0.0.1:0", "loopback address of the endpoint; port 0 = any free one")
	f.String("token-file", "",
		"file with the endpoint's token, made if it does not exist; default: a file that ends with the agent")
	f.String("env-file", "", "file that gets the environment as lines for sh, when the agent is ready")
	f.String("credentials-file", "", "credentials file of AWS SDKs to keep")
	f.String("credentials-profile", "default", "name of the profile in that file")

	return c
}

// agent is a running endpoint with what it has written.
type agent struct {
	client  *clilogin.Client
	profile clilogin.Profile
	stderr  io.Writer
	token   string
	uri     string

	mu       sync.Mutex
	lastTold string
	remove   []func() error // undoes what was written, at the end
}

func runAgent(c *cobra.Command, program []string) (err error) {
	client, err := loginClient(c, clilogin.Options{})
	if err != nil {
		return err
	}
	a := &agent{client: client, stderr: c.ErrOrStderr()}
	if a.profile, err = client.Profile(chosenProfile(c)); err != nil {
		return err
	}
	if len(program) > 0 {
		if err := checkSharedFiles(); err != nil {
			return err
		}
	}

	// Before anything is written: without a session there is nothing to serve.
	if _, err := a.source(c.Context()); err != nil {
		return err
	}
	defer func() {
		if failed := a.clean(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()

	variables, listener, err := a.prepare(c, len(program) > 0)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(c.Context())
	if len(program) > 0 {
		ctx, cancel = context.WithCancel(context.WithoutCancel(c.Context())) // the program ends first
	}
	defer cancel()

	var background sync.WaitGroup
	defer background.Wait()

	ended, err := a.start(ctx, c, listener, &background)
	if err != nil {
		cancel()
		return errors.Join(err, listener.Close())
	}
	defer cancel()

	if len(program) > 0 {
		return runProgram(program, programEnvironment(os.Environ(), variables))
	}
	if err := a.announce(c, variables); err != nil {
		return err
	}

	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// prepare listens, and returns the environment of programs.
func (a *agent) prepare(c *cobra.Command, forProgram bool) ([]variable, net.Listener, error) {
	f := c.Flags()
	address, _ := f.GetString("listen")
	listener, err := credentialagent.Listen(address)
	if err != nil {
		return nil, nil, err
	}
	a.uri = "http://" + listener.Addr().String() + credentialagent.Path

	path, _ := f.GetString("token-file")
	variables := []variable{{name: fullURIVariable, value: a.uri}}
	if path == "" && forProgram {
		// The program's environment is as private as a file, and older SDKs know no token file.
		a.token = rand.Text()
		variables = append(variables, variable{name: tokenVariable, value: a.token})
	} else {
		if path, err = a.keepToken(path); err != nil {
			return nil, nil, errors.Join(err, listener.Close())
		}
		variables = append(variables, variable{name: tokenFileVariable, value: path})
	}
	if os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
		variables = append(variables,
			variable{name: "AWS_REGION", value: a.profile.Region()},
			variable{name: "AWS_DEFAULT_REGION", value: a.profile.Region()})
	}

	return variables, listener, nil
}

// keepToken reads the token, or makes one. Without a path it makes a file that ends with the agent.
func (a *agent) keepToken(path string) (string, error) {
	if path != "" {
		path, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		text, err := wholefile.Read(path, maxTokenFile)
		if err == nil {
			a.token = strings.TrimSpace(string(text))
			odd := strings.ContainsFunc(a.token, func(r rune) bool { return r <= ' ' || r > '~' })
			if len(a.token) < leastToken || odd {
				return "", fmt.Errorf("the token in %s must have at least %d letters and digits on one line", path,
					leastToken)
			}

			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}

		return path, a.writeToken(path)
	}

	folders, err := clilogin.UserFolders()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(folders.State, "agents")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(folder, a.profile.Name+"-"+strconv.Itoa(os.Getpid())+".token")
	a.remove = append(a.remove, func() error { return os.Remove(path) })

	return path, a.writeToken(path)
}

// writeToken writes no line end: SDKs send all of the file.
func (a *agent) writeToken(path string) error {
	a.token = rand.Text()
	return wholefile.ReplaceText(path, []byte(a.token))
}

// start serves the endpoint and keeps the file until ctx ends.
func (a *agent) start(
	ctx context.Context, c *cobra.Command, listener net.Listener, background *sync.WaitGroup,
) (ended <-chan error, err error) {
	f := c.Flags()
	if path, _ := f.GetString("credentials-file"); path != "" {
		section, _ := f.GetString("credentials-profile")
		file := credentialagent.File{Path: path, Section: section, Region: a.profile.Region()}
		if err := file.Prepare(); err != nil {
			return nil, err
		}
		a.remove = append(a.remove, file.Remove)

		// The first before anybody is told that the agent is ready.
		got, err := a.source(ctx)
		if err == nil {
			err = file.Write(got)
		}
		if err != nil {
			return nil, err
		}
		keeper := credentialagent.Keeper{
			File:   file,
			Source: a.source,
			Now:    time.Now,
			After:  time.After,
			Failed: a.failed,
		}
		background.Go(func() { keeper.Keep(ctx) })
	}

	server := credentialagent.NewServer(&credentialagent.Handler{Token: a.token, Source: a.source, Failed: a.failed})
	serving := make(chan error, 1)
	background.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			serving <- err
		}
	})
	background.Go(func() {
		<-ctx.Done()

		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), agentStop)
		defer cancel()

		if server.Shutdown(stopping) != nil {
			_ = server.Close()
		}
	})

	return serving, nil
}

// announce prints the environment, and writes it to --env-file.
func (a *agent) announce(c *cobra.Command, variables []variable) error {
	text := envFormats["sh"](variables)
	if path, _ := c.Flags().GetString("env-file"); path != "" {
		if err := wholefile.ReplaceText(path, []byte(text)); err != nil {
			return err
		}
		a.remove = append(a.remove, func() error { return os.Remove(path) })
	}
	_, err := io.WriteString(c.OutOrStdout(), text)

	return err
}

func (a *agent) source(ctx context.Context) (clilogin.Credentials, error) {
	return a.client.Credentials(ctx, a.profile.Name)
}

// failed tells a failure on standard error, once until another comes.
func (a *agent) failed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()

	if text := err.Error(); text != a.lastTold {
		a.lastTold = text
		fmt.Fprintln(a.stderr, "poolhouse agent: "+printable(text))
	}
}

// clean removes what the agent has written.
func (a *agent) clean() error {
	var faults []error
	for _, remove := range a.remove {
		if err := remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
	}

	return errors.Join(faults...)
}
