package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// applyFlags are the flags of apply.
type applyFlags struct {
	file, name    string
	stacks        []string
	parameters    []string
	ignoreUnknown bool
	dryRun, prune bool
	json          bool
}

func applyCommand() *cobra.Command {
	var o applyFlags
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Create and change resources on a running server from a file",
		Long: `Create and change resources on a running server until they match a file. The file is
YAML or JSON in the form of a CloudFormation template, such as AWS CDK writes. It may
describe identity pools, their roles and principal tags, roles and their policies, managed
policies, and OpenID Connect and SAML providers. The plan is printed first, and pool IDs and
outputs at the end. Resources are deleted only with --prune, and only those that an earlier
apply of the same file created. On poolhouse dev, a file may also describe user pools with
their clients, groups and users. --prune leaves these alone.

` + signingHelp,
		Example: `  poolhouse apply -f pools.yaml --dry-run
  poolhouse apply -f pools.yaml
  cdk synth MyStack | poolhouse apply -f -
  poolhouse apply -f cdk.out --stack MyStack --parameter Guests=false --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runApply(c, o) },
	}
	addEndpoint(c)
	c.Flags().StringVarP(&o.file, "file", "f", "",
		"the file, a folder that cdk synth has written, or - for standard input (required)")
	c.Flags().StringVar(&o.name, "name", "",
		"name in the tags of created resources; empty means the stack's, or the file's name without its extension")
	c.Flags().StringArrayVar(&o.stacks, "stack", nil,
		"stack of the folder to apply; repeat it for several; none means all")
	c.Flags().StringArrayVar(&o.parameters, "parameter", nil,
		"NAME=VALUE of a parameter of the file; repeat it for several")
	c.Flags().BoolVar(&o.ignoreUnknown, "ignore-unknown", false,
		"list resources of types that Poolhouse does not have, and leave them out")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the plan and change nothing")
	c.Flags().BoolVar(&o.prune, "prune", false,
		"delete resources that an earlier apply of this file created and that the file no longer has")
	c.Flags().BoolVar(&o.json, "json", false,
		"print pools, resources and outputs as one JSON object, and the plan on standard error")
	_ = c.MarkFlagRequired("file") // the flag exists

	return c
}

// source is a text to apply.
type source struct {
	path string // for messages
	name string // "" = the text tells it
	text []byte
	file *apply.File
}

func runApply(c *cobra.Command, o applyFlags) error {
	parameters, err := parameterValues(o.parameters)
	if err != nil {
		return err
	}
	sources, err := sourcesOf(c.InOrStdin(), o)
	if err != nil {
		return err
	}

	account := func() (string, error) {
		client, err := serverClient(c)
		if err != nil {
			return "", err
		}
		return client.Account(c.Context())
	}
	region, err := clientRegion(c.Context())
	if err != nil {
		return err
	}

	userPools, err := hasUserPools(c, sources)
	if err != nil {
		return err
	}

	for _, s := range sources {
		s.file, err = apply.Read(s.text, apply.ReadOptions{
			Name:          s.name,
			Region:        region,
			Account:       account,
			Parameters:    parameters,
			UserPools:     userPools,
			IgnoreUnknown: o.ignoreUnknown,
		})
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
	}

	client, err := serverClient(c)
	if err != nil {
		return err
	}

	return applyAll(c, client, sources, o)
}

// hasUserPools reports whether the server has user pools. It asks only if a text may have some.
func hasUserPools(c *cobra.Command, sources []*source) (bool, error) {
	if !slices.ContainsFunc(sources, func(s *source) bool { return apply.MentionsUserPools(s.text) }) {
		return false, nil
	}
	client, err := serverClient(c)
	if err != nil {
		return false, err
	}

	return client.HasUserPools(c.Context())
}

// applyAll applies texts that were read, and prints what is there then.
func applyAll(c *cobra.Command, client *apply.Client, sources []*source, o applyFlags) error {
	out := c.OutOrStdout()
	if o.json {
		out = c.ErrOrStderr()
	}

	var results []*apply.Result
	for _, s := range sources {
		if s.name = cmp.Or(s.name, s.file.Name); s.name == apply.DefaultName && o.name == "" {
			fmt.Fprintf(c.ErrOrStderr(), "note: the resources get the name %q: choose another with --name\n", s.name)
		}

		for _, left := range s.file.Skipped {
			fmt.Fprintln(c.ErrOrStderr(), "left out: "+printable(left.Name+", "+left.Type+": "+left.Reason))
		}

		for _, note := range s.file.Notes {
			fmt.Fprintln(c.ErrOrStderr(), "note: "+printable(note))
		}
		if len(sources) > 1 {
			fmt.Fprintln(out, "# "+printable(s.name))
		}

		result, err := apply.Apply(c.Context(), client, s.file, apply.Options{
			Name:   s.name,
			DryRun: o.dryRun,
			Prune:  o.prune,
			Out:    out,
		})
		if err != nil {
			if len(sources) > 1 {
				err = fmt.Errorf("%s: %w", s.name, err)
			}
			return err
		}
		results = append(results, result)
	}

	if o.json {
		return printJSON(c.OutOrStdout(), merged(results))
	}

	return printResults(c.OutOrStdout(), results)
}

// parameterValues reads NAME=VALUE.
func parameterValues(flags []string) (map[string]string, error) {
	all := map[string]string{}
	for _, flag := range flags {
		name, value, ok := strings.Cut(flag, "=")
		if !ok || name == "" {
			return nil, errors.New("--parameter needs NAME=VALUE")
		}
		if _, twice := all[name]; twice {
			return nil, fmt.Errorf("--parameter %s is there twice", name)
		}
		all[name] = value
	}

	return all, nil
}

// sourcesOf reads what -f names.
func sourcesOf(stdin io.Reader, o applyFlags) ([]*source, error) {
	if o.file == "-" {
		if len(o.stacks) > 0 {
			return nil, errors.New("--stack needs a folder that cdk synth has written")
		}
		text, err := io.ReadAll(io.LimitReader(stdin, apply.MaxFile+1)) // apply.Read refuses a longer text
		if err == nil && len(strings.TrimSpace(string(text))) == 0 {
			err = errors.New("standard input is empty: if cdk synth has several stacks, name one: cdk synth STACK")
		}

		return []*source{{path: "standard input", name: o.name, text: text}}, err
	}

	stacks := []apply.Stack{{Path: o.file}}
	info, err := os.Stat(o.file)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		if stacks, err = apply.Stacks(o.file, o.stacks); err != nil {
			return nil, err
		}
	case len(o.stacks) > 0:
		return nil, errors.New("--stack needs a folder that cdk synth has written")
	default:
		base := strings.TrimSuffix(filepath.Base(o.file), filepath.Ext(o.file))
		stacks[0].Name = cmp.Or(apply.StackName(o.file), base)
	}
	if len(stacks) > 1 && o.name != "" {
		return nil, fmt.Errorf("--name is for one file: choose one of the %d stacks with --stack", len(stacks))
	}

	var all []*source
	for _, s := range stacks {
		text, err := readAtMost(s.Path, apply.MaxFile)
		if err != nil {
			return nil, err
		}
		all = append(all, &source{path: s.Path, name: cmp.Or(o.name, s.Name), text: text})
	}

	return all, nil
}

func readAtMost(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	return io.ReadAll(io.LimitReader(file, limit+1)) // apply.Read refuses a longer file
}
