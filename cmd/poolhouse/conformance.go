package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/conformance"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

// couldNotRun is an error because of which the probes could not be run, or not all of them.
type couldNotRun struct{ error }

func (c couldNotRun) Unwrap() error { return c.error }

var accountID = regexp.MustCompile(`^\d{12}$`)

// awsRate is the number of calls per second to servers that are not on this machine. AWS allows five for
// the tags of pools, its lowest rate here.
const awsRate = 4

func conformanceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "conformance",
		Short: "Ask a server what AWS is known to answer, and compare",
		Long: `Ask a server what AWS is known to answer, and compare: status, error, text, members,
headers and tokens, as they come over the wire. For every difference the command prints
what AWS answers, what came, and the source: AWS's API model, its guides, or an answer
of AWS that somebody published.

Any server with the API of Amazon Cognito identity pools may be asked, AWS, too. The
command makes pools, roles and user pools with names that begin with
poolhouse-conformance-, and deletes these at the end. It signs with
the keys and the region that the AWS CLI would use: AWS_ACCESS_KEY_ID and so on, or the
profile in AWS_PROFILE. Probes that need what the server lacks, such
as user pools, are "not run".

The exit status is 0 if no probe failed, 1 if some failed, and 2 if they could not be
run.`,
		Example: `  poolhouse conformance --endpoint http://127.0.0.1:4599
  poolhouse conformance --junit conformance.xml
  poolhouse conformance --only tokens --json
  poolhouse conformance --list`,
		Args: func(c *cobra.Command, args []string) error {
			if err := cobra.NoArgs(c, args); err != nil {
				return couldNotRun{err}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return runConformance(c) },
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return couldNotRun{nearestFlag(c, err)} })

	addEndpoint(c)
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if err := validEndpoint(c, args); err != nil {
			return couldNotRun{err}
		}
		return nil
	}
	flags := c.Flags()
	flags.Bool("json", false, "print an object with the list probes")
	flags.String("junit", "", "also write the report to this file, in JUnit's XML")
	flags.Bool("list", false, "print the probes with their sources, and ask nobody")
	flags.Bool("docs", false, "print the probes with their sources in Markdown, and ask nobody")
	flags.StringSlice("only", nil, "run only these families, or probes whose names begin so")
	flags.Float64("rate", 0, "calls per second; 0: 4 for other machines, unlimited for this one")
	flags.Duration("timeout", clientTimeout, "time for one call")
	flags.String("account", "", "account ID of the keys; empty: ask STS")
	flags.String("oidc-token-file", "", "file with an ID token of an OpenID Connect provider that the account has")
	flags.String("oidc-key", "", "key of that provider in Logins: its issuer without https://")
	flags.String("oidc-provider-arn", "", "ARN of that provider")

	return c
}

// runConformance runs the probes and writes the reports.
func runConformance(c *cobra.Command) error {
	probes, err := chosenProbes(c)
	if err != nil {
		return couldNotRun{err}
	}
	if docs, _ := c.Flags().GetBool("docs"); docs {
		_, err := io.WriteString(c.OutOrStdout(), conformance.Reference(probes))
		return err
	}
	asJSON, _ := c.Flags().GetBool("json")
	if list, _ := c.Flags().GetBool("list"); list {
		return conformance.List(c.OutOrStdout(), probes, asJSON)
	}
	kit, err := conformanceKit(c)
	if err != nil {
		return couldNotRun{err}
	}

	defer holdSignals(c.Context())()

	results, left, runErr := kit.Run(c.Context(), probes)
	report := conformance.Report{
		Endpoint: explain.ShownAddress(endpoint(c)),
		Results:  results,
		Left:     left,
		Err:      runErr,
	}
	write := report.WriteText
	if asJSON {
		write = report.WriteJSON
	}

	err = errors.Join(write(c.OutOrStdout()), writeJUnit(c, report))
	total := report.Total()
	switch {
	case runErr != nil:
		return couldNotRun{fmt.Errorf("after %d of %d probes: %w", len(results), len(probes), runErr)}
	case err != nil:
		return couldNotRun{err}
	case total.Failed > 0:
		return fmt.Errorf("%d of %d probes failed at %s", total.Failed, len(results), explain.ShownAddress(endpoint(c)))
	case kit.Credentials.AccessKeyID == "" && total.NotRun > 0:
		return couldNotRun{fmt.Errorf("%d of %d probes were not run: set the keys of the server", total.NotRun,
			len(results))}
	case total.Passed == 0:
		return couldNotRun{errors.New("no probe could be run")}
	}

	return nil
}

// sameRequest is the time within which two signals are one request to stop: timeout(1) signals a command and then its
// whole group.
const sameRequest = time.Second

// holdSignals keeps a signal that comes with the one that ended ctx from ending the process while it deletes what it
// made. It returns a function that ends this.
func holdSignals(ctx context.Context) (release func()) {
	held := make(chan os.Signal, 1)
	signal.Notify(held, os.Interrupt, syscall.SIGTERM)
	forget := context.AfterFunc(ctx, func() {
		time.AfterFunc(sameRequest, func() { signal.Stop(held) })
	})

	return func() {
		forget()
		signal.Stop(held)
	}
}

func writeJUnit(c *cobra.Command, report conformance.Report) error {
	path, _ := c.Flags().GetString("junit")
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := report.WriteJUnit(&b); err != nil {
		return err
	}

	return wholefile.ReplaceText(path, b.Bytes())
}

// chosenProbes returns the probes that --only names.
func chosenProbes(c *cobra.Command) ([]conformance.Probe, error) {
	probes, err := conformance.Probes()
	if err != nil {
		return nil, err
	}
	only, _ := c.Flags().GetStringSlice("only")
	if len(only) == 0 && c.Flags().Changed("only") {
		return nil, errors.New(`--only "": name families or probes; is a variable empty?`)
	}
	if len(only) == 0 {
		return probes, nil
	}

	var families []string
	var chosen []conformance.Probe
	used := map[string]bool{}
	for _, p := range probes {
		if !slices.Contains(families, p.Family) {
			families = append(families, p.Family)
		}

		isChosen := false
		for _, name := range only {
			if name != "" && (p.Family == name || strings.HasPrefix(p.ID, name)) {
				isChosen, used[name] = true, true
			}
		}
		if isChosen {
			chosen = append(chosen, p)
		}
	}

	// A misspelt name beside others would leave out probes, and nobody would notice.
	for _, name := range only {
		if !used[name] {
			return nil, fmt.Errorf("--only: %q names no probe; the families are %s", name, strings.Join(families, ", "))
		}
	}

	return chosen, nil
}

// conformanceKit makes the kit that the flags and the environment describe.
func conformanceKit(c *cobra.Command) (conformance.Kit, error) {
	address, err := url.Parse(endpoint(c)) // validEndpoint has seen it
	if err != nil || address.RawQuery != "" || address.Fragment != "" {
		return conformance.Kit{}, fmt.Errorf("--endpoint %q must be a URL without a query",
			explain.ShownAddress(endpoint(c)))
	}
	region, err := clientRegion(c.Context())
	if err != nil {
		return conformance.Kit{}, err
	}
	given, err := givenToKit(c)
	if err != nil {
		return conformance.Kit{}, err
	}
	timeout, _ := c.Flags().GetDuration("timeout")
	pause, err := pauseFor(c, address)
	if err != nil || timeout <= 0 {
		return conformance.Kit{}, errors.Join(err, positive("timeout", timeout > 0))
	}

	keys, _ := clientKeys(c.Context()) // without keys, only the public operations are asked
	kit := conformance.Kit{
		Endpoint:    func(string) string { return endpoint(c) },
		Credentials: keys,
		Region:      region,
		IAMRegion:   region,
		Given:       given,
		RunID:       runID(),
		Transport:   http.DefaultTransport,
		Timeout:     timeout,
		Pause:       pause,
		Now:         time.Now,
		Wait:        pauseUntil,
	}
	if isAWS(address) {
		if !strings.Contains(address.Hostname(), "."+region+".") {
			return kit, fmt.Errorf("the keys are for the region %s, --endpoint is of another: set AWS_REGION", region)
		}
		kit.Endpoint = func(service string) string { return awsEndpoint(service, region) }
		kit.IAMRegion = iamRegion(region)
	}

	return kit, nil
}

func positive(flag string, is bool) error {
	if is {
		return nil
	}
	return fmt.Errorf("--%s must be positive", flag)
}

// givenToKit returns the variables of the kit that flags give.
func givenToKit(c *cobra.Command) (map[string]string, error) {
	given := map[string]string{}
	for flag, name := range map[string]string{
		"account": "ACCOUNT", "oidc-key": "OIDCKEY", "oidc-provider-arn": "OIDCARN",
	} {
		if value, _ := c.Flags().GetString(flag); value != "" {
			given[name] = value
		}
	}

	if account, is := given["ACCOUNT"]; is && !accountID.MatchString(account) {
		return nil, fmt.Errorf("--account %q is no account ID: give twelve digits", account)
	}

	path, _ := c.Flags().GetString("oidc-token-file")
	if (path == "") != (given["OIDCKEY"] == "") || (path == "") != (given["OIDCARN"] == "") {
		return nil, errors.New("--oidc-token-file, --oidc-key and --oidc-provider-arn belong together")
	}
	if path == "" {
		return given, nil
	}

	text, err := wholefile.Read(path, maxAnswer)
	if err != nil {
		return nil, err
	}
	if given["OIDCTOKEN"] = strings.TrimSpace(string(text)); given["OIDCTOKEN"] == "" {
		return nil, fmt.Errorf("--oidc-token-file: %s is empty", path)
	}

	return given, nil
}

// pauseFor returns the time between calls.
func pauseFor(c *cobra.Command, address *url.URL) (time.Duration, error) {
	rate, _ := c.Flags().GetFloat64("rate")
	switch {
	case rate < 0 || rate != rate || rate > 0 && rate < 0.01:
		return 0, errors.New("--rate must be 0, or at least 0.01")
	case rate > 0:
		return time.Duration(float64(time.Second) / rate), nil
	}

	if outbound.IsLoopback(address.Hostname()) {
		return 0, nil
	}

	return time.Second / awsRate, nil
}

// isAWS reports whether an address is one of AWS, which serves each API elsewhere.
func isAWS(address *url.URL) bool {
	return slices.ContainsFunc([]string{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"},
		func(domain string) bool { return strings.HasSuffix(address.Hostname(), domain) })
}

// pauseUntil waits, or until the context ends.
func pauseUntil(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()

	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runID returns a random name for one run.
func runID() string {
	var id [4]byte
	_, _ = io.ReadFull(rand.Reader, id[:]) // never fails

	return hex.EncodeToString(id[:])
}
