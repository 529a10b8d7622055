package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	account = "111122223333"
	region  = "us-east-1"
	// describedPools is the number of pools that DescribeIdentityPool takes turns with.
	describedPools = 100
)

// deployment is a data folder with its settings file, and what clients of its API need.
type deployment struct {
	dir       string // data
	settings  string // file
	database  string // PostgreSQL's URL; "" = SQLite in dir
	address   string // to listen on; "" = any
	keyID     string
	secret    string
	pool      string   // that all sign-ins use
	described []string // others
}

// layout describes a deployment: its settings and its pools.
type layout struct {
	name     string
	address  string                              // to listen on; "" = any
	database string                              // PostgreSQL's URL; "" = SQLite
	settings map[string]any                      // beside those of every deployment
	pools    []func(*ci.CreateIdentityPoolInput) // the first takes sign-ins
	signIn   int                                 // how many of them take sign-ins; the others are described only
}

// mainLayout is the layout for the main table: one OpenID Connect provider.
func (b *bench) mainLayout() layout {
	l := layout{name: "base", signIn: 1, settings: map[string]any{"oidc_providers": []any{localProvider(b.issuer.url)}}}
	for range l.signIn + describedPools {
		l.pools = append(l.pools, func(in *ci.CreateIdentityPoolInput) {
			in.OpenIdConnectProviderARNs = []string{providerARN(b.issuer.url)}
		})
	}
	return l
}

// localProvider returns an OpenID Connect provider's entry in the settings.
func localProvider(url string) map[string]any {
	return map[string]any{"url": url, "client_ids": []string{audience}, "allow_http": true, "allow_private": true}
}

func providerARN(url string) string {
	return "arn:aws:iam::" + account + ":oidc-provider/" + strings.TrimPrefix(url, "http://")
}

// pools returns the pools that take sign-ins.
func (d *deployment) pools(l layout) []string {
	return append([]string{d.pool}, d.described...)[:l.signIn]
}

var shownKey = regexp.MustCompile(`AWS_ACCESS_KEY_ID=(\S+)\s+AWS_SECRET_ACCESS_KEY=(\S+)`)

// newDeployment makes a deployment as an operator would: the root key is shown
// once, the pools are made with it, their IDs go into the roles' trust
// policies, and the roles are given to the pool.
func (b *bench) newDeployment(ctx context.Context, l layout) (*deployment, error) {
	d := &deployment{dir: filepath.Join(b.dir, l.name), settings: filepath.Join(b.dir, l.name+".yaml"),
		database: l.database, address: l.address}
	if err := b.writeSettings(d, l); err != nil {
		return nil, err
	}

	text, err := b.initialise(ctx, d)
	if err != nil {
		return nil, err
	}
	shown := shownKey.FindStringSubmatch(text)
	if shown == nil {
		return nil, errors.New("no access key was shown")
	}
	d.keyID, d.secret = shown[1], shown[2]

	if err := b.serving(ctx, d, func(p *process) error { return d.makePools(ctx, p.url, l) }); err != nil {
		return nil, err
	}
	if err := b.writeSettings(d, l); err != nil {
		return nil, err
	}

	return d, b.serving(ctx, d, func(p *process) error {
		for _, pool := range d.pools(l) {
			_, err := d.client(p.url).SetIdentityPoolRoles(ctx, &ci.SetIdentityPoolRolesInput{IdentityPoolId: &pool,
				Roles: map[string]string{"unauthenticated": roleARN("Guest"), "authenticated": roleARN("User")}})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// abilities lists features that only newer versions of the program have.
type abilities struct {
	initialise bool // poolhouse init; before, the first start made the account
	lameDuck   bool // the setting lame_duck
}

func abilitiesOf(ctx context.Context, program string) (abilities, error) {
	settings, err := command(ctx, program, nil, "config", "--docs").Output()
	if err != nil {
		return abilities{}, fmt.Errorf("%s config --docs: %w", program, err)
	}

	return abilities{
		initialise: command(ctx, program, nil, "init", "--help").Run() == nil,
		lameDuck:   strings.Contains(string(settings), "`lame_duck`"),
	}, nil
}

// initialise makes the account and its root access key, and returns the text that
// shows them.
func (b *bench) initialise(ctx context.Context, d *deployment) (string, error) {
	if b.knows.initialise {
		args := append([]string{"init", "--config", d.settings}, d.dataFlag()...)
		shown, err := command(ctx, b.binary, nil, args...).Output()
		if err != nil {
			return "", fmt.Errorf("poolhouse init: %w", err)
		}
		return string(shown), nil
	}

	first, err := b.serve(ctx, d)
	if err != nil {
		return "", err
	}
	if err := first.stop(); err != nil {
		return "", err
	}

	return first.stdout.String(), nil // whole, now that the process has ended
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

// writeSettings writes the settings of a small production server. JSON is YAML.
func (b *bench) writeSettings(d *deployment, l layout) error {
	role := func(name, amr, policy string) map[string]any {
		return map[string]any{
			"arn": roleARN(name),
			"trust_policy": map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
				"Effect": "Allow", "Principal": map[string]string{"Federated": "cognito-identity.amazonaws.com"},
				"Action": "sts:AssumeRoleWithWebIdentity",
				"Condition": map[string]any{
					"StringEquals":           map[string][]string{"cognito-identity.amazonaws.com:aud": d.pools(l)},
					"ForAnyValue:StringLike": map[string]string{"cognito-identity.amazonaws.com:amr": amr},
				}}}},
			"policies": []any{map[string]any{"name": "objects",
				"document": map[string]any{"Version": "2012-10-17", "Statement": []any{
					map[string]any{"Effect": "Allow", "Action": policy,
						"Resource": "arn:aws:s3:::uploads/${cognito-identity.amazonaws.com:sub}/*"}}}}},
		}
	}

	settings := map[string]any{
		"account_id": account, "region": region, "behind_proxy": true, "issuer_url": "http://127.0.0.1:4599",
	}
	if b.knows.lameDuck {
		settings["lame_duck"] = "0s" // nobody calls a server that is being stopped here
	}
	maps.Copy(settings, l.settings)
	if d.pool != "" {
		settings["roles"] = []any{role("Guest", "unauthenticated", "s3:GetObject"),
			role("User", "authenticated", "s3:*")}
	}

	text, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return err
	}

	return os.WriteFile(d.settings, text, 0o600)
}

// dataFlag names the data folder to the program. The settings name a PostgreSQL.
func (d *deployment) dataFlag() []string {
	if d.database != "" {
		return nil
	}
	return []string{"--data", d.dir}
}

// store opens the database, which nobody serves, past the server.
func (d *deployment) store(ctx context.Context) (*store.Store, error) {
	o := store.Options{URL: d.database, CacheEntries: -1}
	if d.database == "" {
		o.Path = filepath.Join(d.dir, poolhouse.DatabaseFile)
	}

	return store.Open(ctx, o)
}

// sql opens the database with its driver.
func (d *deployment) sql() (db *sql.DB, driver string, err error) {
	driver, source := "pgx", d.database
	if d.database == "" {
		driver, source = "sqlite", filepath.Join(d.dir, poolhouse.DatabaseFile)
	}
	db, err = sql.Open(driver, source)

	return db, driver, err
}

func (d *deployment) makePools(ctx context.Context, url string, l layout) error {
	client := d.client(url)
	for n, trust := range l.pools {
		in := &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String(fmt.Sprintf("pool %d", n)),
			AllowUnauthenticatedIdentities: true,
			IdentityPoolTags:               map[string]string{"stage": "bench"}}
		trust(in)
		out, err := client.CreateIdentityPool(ctx, in)
		if err != nil {
			return err
		}
		if n == 0 {
			d.pool = *out.IdentityPoolId
		} else {
			d.described = append(d.described, *out.IdentityPoolId)
		}
	}

	return nil
}

func (d *deployment) client(url string) *ci.Client {
	return ci.New(ci.Options{BaseEndpoint: &url, Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(d.keyID, d.secret, "")})
}

// serve starts the real server on the deployment.
func (b *bench) serve(ctx context.Context, d *deployment) (*process, error) {
	address := d.address
	if address == "" {
		var err error
		if address, err = freeAddress(); err != nil {
			return nil, err
		}
	}

	var p *process
	err := onProcessors(b.cores.server, func() (err error) {
		p, err = spawn(ctx, b.dir, address, b.binary, nil,
			append([]string{"serve", "--config", d.settings, "--listen", address}, d.dataFlag()...)...)
		return err
	})

	return p, err
}

// serving runs do while the real server serves the deployment.
func (b *bench) serving(ctx context.Context, d *deployment, do func(*process) error) (err error) {
	p, err := b.serve(ctx, d)
	if err != nil {
		return err
	}
	defer func() {
		log := ""
		if err != nil {
			log = "\n" + p.lastLog()
		}
		if err = errors.Join(err, p.stop()); err != nil {
			err = fmt.Errorf("%w%s", err, log)
		}
	}()

	return do(p)
}

// copyTo copies the data folder of a deployment that nobody serves, and waits
// until the copy is on disk, so that writing it out disturbs no measurement.
func (d *deployment) copyTo(dir string) (*deployment, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}

	for _, f := range files {
		if strings.HasSuffix(f.Name(), "-shm") {
			continue
		}
		if err := copyFile(filepath.Join(dir, f.Name()), filepath.Join(d.dir, f.Name())); err != nil {
			return nil, err
		}
	}

	made := *d
	made.dir = dir

	return &made, nil
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()

	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()

	if _, err := io.Copy(out, in); err != nil {
		return err
	}

	return out.Sync()
}
