package main

import (
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/admincli"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// adminOptions connects the commands on a running server to the rest of this program.
func adminOptions() admincli.Options {
	return admincli.Options{
		Client:      serverClient,
		AddEndpoint: addEndpoint,
		SigningHelp: signingHelp,
		Reasons:     poolhouse.ReasonCodes(),
	}
}

func explainCommand() *cobra.Command {
	return admincli.Explain(adminOptions(), func() string { return explain.Reference(poolhouse.Refusals()) })
}
