package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
)

const (
	endpointVariable = "AWS_ENDPOINT_URL_COGNITO_IDENTITY"
	controlTokenFlag = "dev-control-token"
	controlVariable  = envPrefix + "DEV_CONTROL_TOKEN"
)

// addDevServer gives a command the flags that find a running development server.
func addDevServer(c *cobra.Command) {
	addEndpoint(c)
	c.Flags().String("data", devFolder, "data folder of the server, which tells its address if --endpoint does not")
	c.Flags().String(controlTokenFlag, "",
		"the server's dev.control_token, to call it from another machine (environment "+controlVariable+")")
}

// controlClient calls the control API of a running development server.
type controlClient struct {
	endpoint string // without a trailing slash
	file     string // the lock file that names the endpoint; "" = it has another source
	token    string // dev.control_token; "" = none
}

// findDevServer finds the server of a command: by --endpoint, then the environment, then the lock
// file of the data folder, else at the usual address.
func findDevServer(c *cobra.Command) (controlClient, error) {
	if os.Getenv(endpointVariable) != "" && !c.Flags().Changed("data") {
		return namedDevServer(c)
	}
	return findDevServerByFolder(c)
}

// findDevServerByFolder is findDevServer with the data folder before the environment, for a command
// whose output becomes the environment: the one of an earlier start may be there.
func findDevServerByFolder(c *cobra.Command) (controlClient, error) {
	s, err := namedDevServer(c)
	flags := c.Flags()
	if err != nil || flags.Changed("endpoint") {
		return s, err
	}
	folder, err := flags.GetString("data")
	if err != nil {
		return s, err
	}

	url, found := addressIn(folder, os.Hostname, net.InterfaceAddrs)
	switch {
	case found:
		s.endpoint, s.file = url, filepath.Join(folder, datalock.File)
	case flags.Changed("data"):
		return s, fmt.Errorf("no server of this machine uses the data folder %s: give its URL with --endpoint", folder)
	}

	return s, nil
}

// namedDevServer returns the server that --endpoint or its default names, which has the environment.
func namedDevServer(c *cobra.Command) (controlClient, error) {
	token, err := c.Flags().GetString(controlTokenFlag)
	if !c.Flags().Changed(controlTokenFlag) {
		token = os.Getenv(controlVariable)
	}
	return controlClient{endpoint: endpoint(c), token: token}, err
}

// addressIn returns the URL of the server that holds a data folder. It trusts the lock file only
// about addresses of this machine: somebody else could have written it, and the control token must
// not go to another machine.
func addressIn(
	folder string, hostname func() (string, error), addresses func() ([]net.Addr, error),
) (url string, found bool) {
	holder, held := datalock.ReadHolder(folder)
	host, err := hostname()
	if !held || err != nil || holder.Host != host { // in a container with another network
		return "", false
	}
	bound, err := netip.ParseAddrPort(holder.Address)
	if err != nil {
		return "", false
	}

	ip := bound.Addr().Unmap()
	switch {
	case ip.IsUnspecified():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case ip.IsLoopback():
	default:
		own, _ := addresses() // without them the address is not known to be this machine's
		if !isOneOf(ip, own) {
			return "", false
		}
	}

	return "http://" + netip.AddrPortFrom(ip, bound.Port()).String(), true
}

func isOneOf(ip netip.Addr, addresses []net.Addr) bool {
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap() == ip.WithZone("") {
			return true
		}
	}
	return false
}

// call calls the control API. A body is JSON.
func (s controlClient) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()

	request, err := http.NewRequestWithContext(ctx, method, s.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}

	// The API does not redirect: whoever does gets no token.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}

	response, err := client.Do(request)
	if err != nil {
		return nil, s.unreachable(err)
	}
	defer response.Body.Close()

	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return answer, nil
	}

	var refused poolhouse.DevErrorResponse
	if err := json.Unmarshal(answer, &refused); err != nil || refused.Error == "" {
		return nil, fmt.Errorf("%s answered %s: is it a `poolhouse dev`?", s.endpoint+path, response.Status)
	}

	return nil, errors.New(refused.Error)
}

// unreachable adds to the error of a call how to name the server.
func (s controlClient) unreachable(err error) error {
	if s.file != "" {
		return fmt.Errorf("%w: %s names this address: is `poolhouse dev` still running there? "+
			"Start it again, or give its URL with --endpoint", err, s.file)
	}
	return fmt.Errorf("%w: is `poolhouse dev` running there? Give its URL with --endpoint", err)
}

// get reads what is at a path of the control API.
func (s controlClient) get(ctx context.Context, path string, into any) error {
	answer, err := s.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("the answer of %s: %w: is it a `poolhouse dev`?", s.endpoint+path, err)
	}

	return nil
}
