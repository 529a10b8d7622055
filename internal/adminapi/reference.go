package adminapi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

//go:generate go run ./writereference

// purposes tell what each operation is for, in docs/admin-api/README.md.
var purposes = map[string]string{
	"Explain":                  "why a call was refused",
	"LookupIdentity":           "the identity of a login, or the logins of an identity",
	"SignOut":                  "end the logins of a user or a session",
	"CreateIdentityPoolWithId": "a pool with an ID that clients already know",
	"LoadIdentities":           "identities with IDs that clients already know",
	"ListProviderSettings":     "settings of providers that the IAM API cannot show",
	"VerifySession":            "a signing key and the facts of a session, for services that check signatures",
	"RevokeSessions":           "end session credentials before they expire",
	"CheckAccess":              "what the caller may do",
	"CreateAccessKey":          "an access key with a policy; its secret, once",
	"ExplainToken":             "what a token would pass at each pool, without a sign-in",
	"TryRoles":                 "the role and tags of a user, with rules as saved or as drafts",
	"ValidateIdentityPool":     "all that the server would refuse in a pool's settings",
	"ListRefusals":             "the refused calls of the account, as they come",
	"ListPoolSummaries":        "the pools with their numbers",
	"SearchIdentities":         "identities by pool, login or the beginning of their ID",
	"ListPrincipalTagMaps":     "which claims of a pool's providers become principal tags",
	"GetStatistics":            "sign-ins, guests, refusals and times to answer of 14 days",
	"PreviewDeletion":          "what a deletion would concern",
	"ListAccessKeys":           "the access keys of the account, without secrets",
	"UpdateAccessKey":          "disable or enable an access key",
	"DeleteAccessKey":          "end an access key for good",
	"ListSigningKeys":          "the keys that sign tokens",
	"RotateSigningKeys":        "new keys to sign tokens with",
	"RetireSigningKey":         "end a signing key that leaked, with its tokens",
	"GetServerStatus":          "version, database, engines, load (home account only)",
	"ListSettings":             "the settings in force, with their sources (home account only)",
	"ExportPool":               "a pool or a draft as text: a file, Terraform, AWS CLI commands",
	"TestProvider":             "whether sign-ins by a provider can work",
}

// Begin and end of the table in a document.
const (
	referenceBegin = "<!-- operations: go generate ./internal/adminapi -->\n"
	referenceEnd   = "<!-- end of operations -->\n"
)

// WithReference returns a document with the table of all operations between its marks.
func WithReference(document string) (string, error) {
	before, rest, found := strings.Cut(document, referenceBegin)
	_, after, closed := strings.Cut(rest, referenceEnd)
	if !found || !closed {
		return "", fmt.Errorf("the document has no %q and %q", referenceBegin, referenceEnd)
	}

	return before + referenceBegin + reference() + referenceEnd + after, nil
}

// reference returns the table of all operations in Markdown, by name.
func reference() string {
	rows := map[string]string{}
	for _, o := range new(Service).Operations() {
		rate := "–"
		if r, limited := Rates()[Name+":"+o.Name()]; limited {
			rate = strconv.FormatFloat(r.PerSecond, 'g', -1, 64) + " (" + strconv.Itoa(r.Burst) + ")"
		}
		rows[o.Name()] = fmt.Sprintf("| %s | `%s` | %s | %s |\n", o.Name(), o.Action(), rate, purposes[o.Name()])
	}

	var b strings.Builder
	b.WriteString("| Operation | Permission | Calls a second (burst) | For |\n|---|---|---|---|\n")

	for _, name := range slices.Sorted(maps.Keys(rows)) {
		b.WriteString(rows[name])
	}

	return b.String()
}
