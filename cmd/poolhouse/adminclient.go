package main

import (
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/admincli"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// adminOptions are what the commands on a running server need of this program.
func adminOptions() admincli.Options {
	return admincli.Options{Client: serverClient, AddEndpoint: addEndpoint, SigningHelp: signingHelp}
}

func explainCommand() *cobra.Command {
	return admincli.Explain(adminOptions(), func() string { return explain.Reference(poolhouse.Refusals()) })
}
