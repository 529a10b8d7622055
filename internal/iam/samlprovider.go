package iam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// SAMLProviderConfig describes the registration of one SAML identity provider.
type SAMLProviderConfig struct {
	Account  identitypool.AccountID `yaml:"-"`                             // "" = Config.Account
	Name     string                 `yaml:"name"`                          // the last part of the ARN
	Metadata string                 `yaml:"metadata_file" file:"required"` // the provider's metadata document
	// Audiences and Recipients are accepted in AudienceRestriction and
	// SubjectConfirmationData, besides AWS's sign-in endpoints.
	Audiences  []string `yaml:"audiences"`
	Recipients []string `yaml:"recipients" shown:"address"`
	// PreviousEntityIDs are the entity IDs that the identity provider had before; its
	// users keep their identities. saml.Unrecorded stands for one that nobody knows.
	PreviousEntityIDs []string `yaml:"previous_entity_ids"`
	// AnyCertificateDate accepts signatures by expired certificates.
	AnyCertificateDate bool `yaml:"-"`
	// Development marks the provider of `poolhouse dev`, which the IAM API does not list: it is nobody's to
	// export or change.
	Development bool `yaml:"-"`
}

// SAMLProvider is the registration of a SAML identity provider. Provider is shared:
// do not change it.
type SAMLProvider struct {
	ARN      string
	Account  identitypool.AccountID
	Name     string
	Document string // the metadata
	Provider *saml.Provider
}

// UnrecordedEntityID stands for the identity provider of logins that were stored
// without an entity ID, by older versions.
const UnrecordedEntityID = saml.Unrecorded

const (
	maxSAMLProviders = 100 // in an account (IAM quotas)
	maxSAMLNames     = 20  // audiences or recipients of one provider
	maxSAMLName      = 1024
)

var samlProviderName = regexp.MustCompile(`^[\w.-]{1,128}$`)

// samlProviderARN returns the ARN of the provider with that name.
func samlProviderARN(partition string, account identitypool.AccountID, name string) string {
	return "arn:" + partition + ":iam::" + string(account) + ":" + samlKind + name
}

// newSAMLProvider checks c and adds its faults to f.
func newSAMLProvider(c SAMLProviderConfig, partition string, f *faults) SAMLProvider {
	if !samlProviderName.MatchString(c.Name) {
		f.add(".name", c.Name, "is not the name of a SAML provider", "use 1 to 128 letters, digits and ._-")
	} else {
		f.entry = c.Name
	}
	if !isAccount(string(c.Account)) {
		f.add(".account", string(c.Account), "is not an account", "use 12 digits")
	}

	for _, list := range []struct {
		member string
		values []string
	}{{".audiences", c.Audiences}, {".recipients", c.Recipients}} {
		if len(list.values) > maxSAMLNames {
			f.add(list.member, strconv.Itoa(len(list.values))+" entries", "are too many",
				fmt.Sprintf("%d are allowed", maxSAMLNames))
		}

		for i, v := range list.values {
			if v == "" || len(v) > maxSAMLName || !only(v, func(b byte) bool { return b > ' ' && b <= '~' }) {
				f.add(entry(list.member, i), v, "is not a URI", "write it as the identity provider has it")
			}
		}
	}

	p := SAMLProvider{
		ARN:      samlProviderARN(partition, c.Account, c.Name),
		Account:  c.Account,
		Name:     c.Name,
		Document: c.Metadata,
	}
	metadata, err := saml.ParseMetadata([]byte(c.Metadata))
	if problem, ok := errors.AsType[*saml.MetadataError](err); ok {
		f.add(".metadata_file", "", problem.Problem, problem.Fix)
	}
	checkPreviousEntityIDs(c.PreviousEntityIDs, metadata.EntityID, ".previous_entity_ids", f)

	p.Provider = &saml.Provider{
		Metadata:           metadata,
		Audiences:          slices.Clone(c.Audiences),
		Recipients:         slices.Clone(c.Recipients),
		PreviousEntityIDs:  slices.Clone(c.PreviousEntityIDs),
		AnyCertificateDate: c.AnyCertificateDate,
	}
	if !c.Development { // no settings file has that one
		p.Provider.Link = explain.Setting(f.setting)
	}

	return p
}

// checkPreviousEntityIDs adds the faults of a list of entity IDs to f. present is the
// provider's entity ID; "" = not known here.
func checkPreviousEntityIDs(list []string, present, member string, f *faults) {
	if len(list) > maxSAMLNames {
		f.add(member, strconv.Itoa(len(list))+" entries", "are too many", fmt.Sprintf("%d are allowed", maxSAMLNames))
	}

	for i, id := range list {
		switch {
		case !saml.CheckPreviousEntityID(id):
			f.add(entry(member, i), id, "is not an entity ID",
				"write it as the entityID of the former metadata, or "+saml.Unrecorded)
		case id == present:
			f.add(entry(member, i), id, "is the present entity ID",
				"name those that the provider had before, or leave the setting out")
		}
	}
}

// addPreviousEntityIDs checks the previous entity IDs of providers that the IAM API
// made, and adds them to d.
func (d *Directory) addPreviousEntityIDs(c Config, all *faults) {
	d.previousEntityIDs = make(map[string][]string, len(c.PreviousEntityIDs))
	for _, arn := range slices.Sorted(maps.Keys(c.PreviousEntityIDs)) {
		f := faults{setting: "saml_previous_entity_ids", entry: arn}

		key := d.ToStored(arn)
		if _, _, ok := d.parseARN(key, samlKind); !ok {
			f.add("", arn, "is not the ARN of a SAML provider",
				"write arn:"+c.Partition+":iam::ACCOUNT:saml-provider/NAME")
		} else if _, ok := d.samlProviders[key]; ok {
			f.add("", arn, "is a provider of these settings",
				"write previous_entity_ids in its entry of saml_providers")
		}

		checkPreviousEntityIDs(c.PreviousEntityIDs[arn], "", "", &f)
		d.previousEntityIDs[key] = slices.Concat(d.previousEntityIDs[key], c.PreviousEntityIDs[arn])
		all.list = append(all.list, f.list...)
	}
}

// addSAMLProviders checks the SAML providers of c and adds them to d.
func (d *Directory) addSAMLProviders(c Config, all *faults) {
	others := newRegistered(maxSAMLProviders, "SAML providers")
	for i, pc := range c.SAMLProviders {
		f := faults{setting: entry("saml_providers", i)}
		pc.Account = cmp.Or(pc.Account, c.Account)
		p := newSAMLProvider(pc, c.Partition, &f)
		others.add(p.ARN, p.Account, ".name", pc.Name, "names are unique in an account", &f)

		d.samlProviders[p.ARN] = p
		if pc.Development {
			all.list = append(all.list, f.list...)
			continue
		}

		d.settingsSAML[p.ARN] = store.SAMLProvider{
			Account:  p.Account,
			Name:     p.Name,
			ID:       uniqueID(samlIDPrefix, p.ARN),
			Metadata: p.Document,
		}

		if pc.AnyCertificateDate {
			d.warnings = append(d.warnings, f.setting+" ("+pc.Name+
				"): signatures by expired certificates are accepted (enforce_certificate_dates is false)")
		}
		all.list = append(all.list, f.list...)
	}
}

// SAMLProvider returns the provider with that ARN, in any partition. The error wraps
// ErrNotFound if there is none.
func (d *Directory) SAMLProvider(ctx context.Context, arn string) (SAMLProvider, error) {
	arn = d.ToStored(arn)
	if p, ok := d.samlProviders[arn]; ok {
		return p, nil
	}
	return d.storedSAMLProvider(ctx, arn)
}
