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
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
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
	// renewalStop bounds the renewal that runs when the agent ends. If it is lost, so may be the sign-in.
	renewalStop = 10 * time.Second
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
			if err := checkAgentFlags(c, args); err != nil {
				return err
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

// checkAgentFlags refuses flags that would have no effect.
func checkAgentFlags(c *cobra.Command, program []string) error {
	f := c.Flags()
	switch {
	case len(program) > 0 && f.Changed("env-file"):
		return errors.New("--env-file is for an agent without a program: a program gets the environment itself")
	case f.Changed("credentials-profile") && !f.Changed("credentials-file"):
		return errors.New("--credentials-profile names a profile in a --credentials-file: give both")
	}

	return nil
}

// agent is a running endpoint with what it has written.
type agent struct {
	profile clilogin.Profile
	renewer *credentialagent.Renewer
	stderr  io.Writer
	token   string
	uri     string
	folder  string // for tokens and locks

	mu       sync.Mutex
	lastTold string
	remove   []func() error // undoes what was written, at the end
}

func runAgent(c *cobra.Command, program []string) (err error) {
	a, err := newAgent(c)
	if err != nil {
		return err
	}
	if len(program) > 0 {
		if err := checkSharedFiles(c.Context()); err != nil {
			return err
		}
	}

	caught, stop := catchHangup(c.Context())
	defer stop()
	defer a.stopRenewal()

	// Before anything is written: without a sign-in there is nothing to serve.
	if _, err := a.renewer.Source(caught); err != nil {
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

	ctx, cancel := context.WithCancel(caught)
	if len(program) > 0 {
		ctx, cancel = context.WithCancel(context.WithoutCancel(caught)) // the program ends first
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

	if len(program) > 0 && caught.Err() != nil {
		return errors.New("the agent was stopped before the program began")
	}
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

// newAgent returns an agent for the chosen profile, with nothing started.
func newAgent(c *cobra.Command) (*agent, error) {
	client, err := loginClient(c, clilogin.Options{})
	if err != nil {
		return nil, err
	}
	profile, err := client.Profile(chosenProfile(c))
	if err != nil {
		return nil, err
	}
	folders, err := clilogin.UserFolders()
	if err != nil {
		return nil, err
	}

	a := &agent{profile: profile, stderr: c.ErrOrStderr(), folder: filepath.Join(folders.State, "agents")}
	a.renewer = &credentialagent.Renewer{
		Kept: func(ctx context.Context) (clilogin.Credentials, bool, error) {
			return client.Kept(ctx, profile.Name)
		},
		Renew: func(ctx context.Context) (clilogin.Credentials, error) {
			return client.Credentials(ctx, profile.Name)
		},
		Now:    time.Now,
		After:  time.After,
		Failed: a.failed,
	}

	return a, nil
}

// stopRenewal waits a while for the renewal that runs.
func (a *agent) stopRenewal() {
	ctx, cancel := context.WithTimeout(context.Background(), renewalStop)
	defer cancel()

	a.renewer.Stop(ctx)
}

// catchHangup returns a context that ends when the terminal closes, too, so that the agent removes its
// files. Under nohup it goes on. Writing to a pipe that nobody reads gives an error instead of a signal.
func catchHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)

	stop := func() {}
	if !signal.Ignored(syscall.SIGHUP) {
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP)
	}

	return ctx, func() {
		stop()
		signal.Stop(broken)
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
		a.token, err = readToken(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}

		// Agents that begin at once have one token: that of the first.
		err = a.writeToken(path)
		if errors.Is(err, fs.ErrExist) {
			a.token, err = readToken(path)
		}

		return path, err
	}

	if err := os.MkdirAll(a.folder, 0o700); err != nil {
		return "", err
	}
	// The folder may be shared with a container, in which a process has the same ID.
	path = filepath.Join(a.folder, a.profile.Name+"-"+strconv.Itoa(os.Getpid())+"-"+rand.Text()+".token")
	a.remove = append(a.remove, func() error { return os.Remove(path) })

	return path, a.writeToken(path)
}

// readToken reads a token that somebody else chose. SDKs send all of the file, so that a line end would
// be a part of it, which none of them allows.
func readToken(path string) (string, error) {
	text, err := wholefile.Read(path, maxTokenFile)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("%s has mode %04o, so that others may read the token: remove it, and the agent makes "+
			"another", path, mode)
	}

	token := string(text)
	odd := strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
	if len(token) < leastToken || odd {
		return "", fmt.Errorf("the token in %s must have at least %d letters and digits, without a line end (printf "+
			"writes none): remove the file, and the agent makes another", path, leastToken)
	}

	return token, nil
}

// writeToken makes the file of a new token. It writes no line end: SDKs send all of the file. Error: fs.ErrExist
// if the name is taken.
func (a *agent) writeToken(path string) error {
	a.token = rand.Text()
	return wholefile.Create(path, func(f *os.File) error {
		_, err := f.WriteString(a.token)
		return err
	})
}

// start serves the endpoint and keeps the file until ctx ends.
func (a *agent) start(
	ctx context.Context, c *cobra.Command, listener net.Listener, background *sync.WaitGroup,
) (ended <-chan error, err error) {
	f := c.Flags()
	if path, _ := f.GetString("credentials-file"); path != "" {
		section, _ := f.GetString("credentials-profile")
		file := credentialagent.File{OwnFile: a.ownFile(path), Section: section, Region: a.profile.Region()}
		if err := file.Prepare(); err != nil {
			return nil, err
		}
		a.remove = append(a.remove, file.Remove)

		// The first before anybody is told that the agent is ready.
		got, err := a.renewer.Source(ctx)
		if err == nil {
			err = file.Write(got)
		}
		if err != nil {
			return nil, err
		}
		keeper := credentialagent.Keeper{
			File:   file,
			Source: a.renewer.Source,
			Now:    time.Now,
			After:  time.After,
			Failed: a.failed,
		}
		background.Go(func() { keeper.Keep(ctx) })
	}

	server := credentialagent.NewServer(&credentialagent.Handler{
		Token:  a.token,
		Source: a.renewer.Source,
		Failed: a.failed,
	})
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
		file := a.ownFile(path)
		if err := file.Prepare(); err != nil {
			return err
		}
		a.remove = append(a.remove, file.Remove)
		if err := file.Write(text); err != nil {
			return err
		}
	}
	_, err := io.WriteString(c.OutOrStdout(), text)

	return err
}

func (a *agent) ownFile(path string) *credentialagent.OwnFile {
	return &credentialagent.OwnFile{Path: path, Locks: a.folder}
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
		err := remove()
		if foreign, is := errors.AsType[*credentialagent.ForeignFileError](err); is {
			a.failed(foreign)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
	}

	return errors.Join(faults...)
}
