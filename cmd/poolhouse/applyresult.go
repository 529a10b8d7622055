package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(explain.JSONForTerminals(w))
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)

	return encoder.Encode(v)
}

// merged returns the results of several files as one. Then each name begins with that of its file.
func merged(results []*apply.Result) *apply.Result {
	if len(results) == 1 {
		return results[0]
	}

	all := &apply.Result{
		Pools:     []apply.PoolResult{},
		Resources: []apply.ResourceResult{},
		Outputs:   map[string]apply.OutputResult{},
		Skipped:   []apply.Skipped{},
		Notes:     []string{},
	}
	var names []string
	for _, r := range results {
		prefix := r.Name + "/"
		names = append(names, r.Name)
		all.DryRun = r.DryRun
		for _, one := range r.Pools {
			one.Name = prefix + one.Name
			all.Pools = append(all.Pools, one)
		}

		for _, one := range r.Resources {
			one.Name = prefix + one.Name
			all.Resources = append(all.Resources, one)
		}

		for _, one := range r.Skipped {
			one.Name = prefix + one.Name
			all.Skipped = append(all.Skipped, one)
		}

		for name, one := range r.Outputs {
			all.Outputs[prefix+name] = one
		}
		all.Notes = append(all.Notes, r.Notes...)
	}
	all.Name = strings.Join(names, ",")

	return all
}

// printResults prints pool IDs and outputs for people.
func printResults(w io.Writer, results []*apply.Result) error {
	var b strings.Builder
	for _, r := range results {
		for _, p := range r.Pools {
			id := p.ID
			if id == "" {
				id = "(known after apply)"
			}
			fmt.Fprintf(&b, "pool %s: %s\n", printable(p.Name), printable(id))
		}

		for _, name := range slices.Sorted(maps.Keys(r.Outputs)) {
			o := r.Outputs[name]
			if o.Unknown != "" {
				fmt.Fprintf(&b, "output %s has no value: %s\n", printable(name), printable(o.Unknown))
				continue
			}
			fmt.Fprintf(&b, "output %s: %s\n", printable(name), printable(o.Value))
		}
	}
	_, err := io.WriteString(w, b.String())

	return err
}
