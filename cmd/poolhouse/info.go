package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Print the effective settings, each with its source",
		Long: `Print the effective settings, each with its source. Secrets are masked. If a setting is
invalid, the command fails.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if docs, _ := c.Flags().GetBool("docs"); docs {
				_, err := io.WriteString(c.OutOrStdout(), reference())
				return err
			}

			s, err := loadSettings(c)
			if err != nil {
				return err
			}
			if err := checkSettings(s); err != nil {
				return err
			}

			if asJSON, _ := c.Flags().GetBool("json"); asJSON {
				e := json.NewEncoder(explain.JSONForTerminals(c.OutOrStdout()))
				e.SetIndent("", "  ")
				single := object{{name: "settings", value: s.show()}}
				return e.Encode(append(single, s.file.show()...))
			}

			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, row := range s.show() {
				fmt.Fprintf(w, "%s\t%s\t%s\n", row.Name, row.Value, row.Source)
			}

			for _, section := range s.file.counts() {
				fmt.Fprintf(w, "%s\t%d defined\tfile %s\n", section.name, section.entries, s.file.path)
			}

			return w.Flush()
		},
	}
	addSettings(c)
	c.Flags().Bool("json", false, "print JSON, with roles and providers")
	c.Flags().Bool("docs", false, "print the reference of all settings, in Markdown")

	return c
}

// checkSettings refuses settings with which no server would start, even if others are still
// missing.
func checkSettings(s *settings) error {
	c, err := serverConfig(s)
	if err != nil {
		return err
	}
	if _, err := commandLogger(s); err != nil {
		return err
	}
	if _, err := loopbackOnly(s.Listen); err != nil {
		return s.fault(&s.Listen, "%v", err)
	}

	for _, address := range []*string{&s.MetricsListen, &s.ConsoleListen} {
		if *address == "" {
			continue
		}
		if _, err := loopbackOnly(*address); err != nil {
			return s.fault(address, "%v", err)
		}
	}

	return c.Validate()
}

// probeTimeout bounds a health check; containers run one every few seconds.
const probeTimeout = 3 * time.Second

// maxReason bounds how much of the server's reason is shown, in bytes.
const maxReason = 200

func healthcheckCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Exit with status 0 if a running server is ready",
		Example: `  poolhouse healthcheck --endpoint http://127.0.0.1:4599
  poolhouse healthcheck --endpoint https://127.0.0.1 --ca-bundle cert.pem --server-name id.example.com`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), probeTimeout)
			defer cancel()

			request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint(c)+"/readyz", nil)
			if err != nil {
				return err
			}

			client, err := probeClient(c)
			if err != nil {
				return err
			}

			response, err := client.Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()

			if response.StatusCode != http.StatusOK {
				reason, _ := io.ReadAll(io.LimitReader(response.Body, maxReason)) // else the status must suffice
				return fmt.Errorf("not ready: %s: %s", response.Status, printable(strings.TrimSpace(string(reason))))
			}

			return nil
		},
	}
	addEndpoint(c)
	c.Flags().String(
		"ca-bundle", "",
		"PEM file with certificates to trust in addition to the system's: of a private authority, or of the server",
	)
	c.Flags().String("server-name", "", "name in the server's certificate, if it differs from the endpoint's host")

	return c
}

// probeClient returns an HTTP client for a server whose certificate any authority may have
// issued.
func probeClient(c *cobra.Command) (*http.Client, error) {
	bundle, _ := c.Flags().GetString("ca-bundle")
	name, _ := c.Flags().GetString("server-name")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}

	if bundle == "" {
		return &http.Client{Transport: transport}, nil
	}

	text, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("--ca-bundle: %w", err)
	}

	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a container may have none
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca-bundle: %s has no certificate in PEM form", bundle)
	}
	transport.TLSClientConfig.RootCAs = roots

	return &http.Client{Transport: transport}, nil
}
