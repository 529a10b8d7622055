package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	_ "net/http/pprof" //nolint:gosec // on the profiled child only, which serves 127.0.0.1
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"

	"github.com/poolhouse-id/poolhouse"
)

// profiledSettings names the settings file of the profiled child.
type profiledSettings struct{ Settings, Data, Address string }

// serveProfiled serves a deployment like `poolhouse serve`, with net/http/pprof
// beside it.
func serveProfiled(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("the profiled server takes its settings as its only argument")
	}
	text, err := base64.StdEncoding.DecodeString(args[0])
	if err != nil {
		return err
	}
	var p profiledSettings
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	text, err = os.ReadFile(p.Settings)
	if err != nil {
		return err
	}
	var file struct {
		IssuerURL      string                         `yaml:"issuer_url"`
		AccountID      string                         `yaml:"account_id"`
		Region         string                         `yaml:"region"`
		TokenAlgorithm string                         `yaml:"token_algorithm"`
		Roles          []poolhouse.RoleConfig         `yaml:"roles"`
		OIDCProviders  []poolhouse.OIDCProviderConfig `yaml:"oidc_providers"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return err
	}

	c := poolhouse.Config{
		DataDir:        p.Data,
		IssuerURL:      file.IssuerURL,
		Account:        file.AccountID,
		Region:         file.Region,
		TokenAlgorithm: file.TokenAlgorithm,
		Roles:          file.Roles,
		OIDCProviders:  file.OIDCProviders,
		Logger:         slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	}
	server, err := poolhouse.New(ctx, c)
	if err != nil {
		return err
	}

	go server.Run(ctx)
	web := &http.Server{Addr: p.Address, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 120 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/debug/pprof/") {
				http.DefaultServeMux.ServeHTTP(w, r)
				return
			}
			server.ServeHTTP(w, r)
		})}
	defer context.AfterFunc(ctx, func() { _ = web.Close() })()

	err = web.ListenAndServe()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}

	return errors.Join(err, server.Close())
}

// profileTime is the time for which each operation is profiled.
const profileTime = 10 * time.Second

// profile writes NAME.cpu and NAME.allocs of each operation into dir.
func (b *bench) profile(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	d, err := b.base.copyTo(filepath.Join(b.dir, "profiled"))
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	text, err := json.Marshal(profiledSettings{d.settings, d.dir, address})
	if err != nil {
		return err
	}
	p, err := spawn(ctx, b.dir, address, b.self, []string{roleVariable + "=" + roleProfiled},
		base64.StdEncoding.EncodeToString(text))
	if err != nil {
		return err
	}

	defer func() { _ = p.stop() }()

	about, err := b.newSubjects(ctx, d, p.url)
	if err != nil {
		return err
	}

	for n := range scenarios {
		s := &scenarios[n]
		if !b.selected(s) {
			continue
		}
		if err := b.profileOne(ctx, p, s, about, dir); err != nil {
			return fmt.Errorf("%s: %w\n%s", s.name, err, p.lastLog())
		}
	}

	return nil
}

func (b *bench) profileOne(ctx context.Context, p *process, s *scenario, about *subjects, dir string) error {
	targets, err := s.targets(ctx, p.url, about)
	if err != nil {
		return err
	}

	l := newLoad(targets, s)
	defer l.close()

	if _, err := l.closedLoop(ctx, b.warmUp); err != nil {
		return err
	}

	name := strings.Trim(notWord.ReplaceAllString(strings.ToLower(s.name), "-"), "-")
	failed := make(chan error, 2)
	for _, kind := range []string{"profile", "allocs"} {
		go func() {
			failed <- fetchProfile(ctx, fmt.Sprintf("%s/debug/pprof/%s?seconds=%d", p.url, kind,
				int(profileTime.Seconds())), filepath.Join(dir, name+"."+kind))
		}()
	}
	o, err := l.closedLoop(ctx, profileTime+time.Second)
	if err := errors.Join(err, <-failed, <-failed); err != nil {
		return err
	}
	progress("%s: %.0f/s while profiled", s.name, o.rate)

	return p.dropLog()
}

func fetchProfile(ctx context.Context, url, path string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()

	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}

	defer func() { err = errors.Join(err, f.Close()) }()

	_, err = f.ReadFrom(answer.Body)

	return err
}
