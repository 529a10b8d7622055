package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const awsReadOnly = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"

// managedPolicies is a file of one managed policy of AWS.
func managedPolicies(arn, statement string) string {
	return `{"Policies":[{"Arn":"` + arn + `","DefaultVersionId":"v3","PolicyVersionList":[{"VersionId":"v3",` +
		`"Document":{"Version":"2012-10-17","Statement":[` + statement + `]}}]}]}`
}

const readS3 = `{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}`

// A file of managed policies that cannot be used is named with its setting and the place of
// the fault.
func TestManagedPoliciesSetting(t *testing.T) {
	folder := t.TempDir()
	for name, test := range map[string]struct {
		text string // "" = no file
		want []string
	}{
		"usable":      {managedPolicies(awsReadOnly, readS3), nil},
		"missing":     {"", []string{"managed_policies_file = ", "no such file"}},
		"no JSON":     {"Policies:", []string{"managed_policies_file: ", "JSON"}},
		"too large":   {strings.Repeat(" ", 33<<20), []string{"managed_policies_file: ", "the limit is 33554432"}},
		"an own":      {managedPolicies("arn:aws:iam::123456789012:policy/own", readS3), []string{"Policies[0].Arn"}},
		"unsupported": {managedPolicies(awsReadOnly, `{"Effect":"Perhaps"}`), []string{"Policies[0].", awsReadOnly}},
	} {
		path := filepath.Join(folder, strings.ReplaceAll(name, " ", "-"))
		if test.text != "" {
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}

		s, err := load(map[string]string{"managed_policies_file": path}, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := serverConfig(s)
		if err == nil {
			err = c.Validate()
		}
		if (err == nil) != (test.want == nil) || (name == "missing") != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range test.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

// With a file of their content, AWS's managed policies come along, and a server with the same
// file takes them.
func TestImportAWSManagedPolicies(t *testing.T) {
	devKeys(t)
	_, source := newAWS(t)
	file := written(t, "aws-policies.json", managedPolicies(awsReadOnly, readS3))
	imported, notes, err := commandOutputs(t, "import", "aws", "--endpoint", source, "--managed-policies", file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(notes, "AWS's policy") || strings.Contains(notes, "policies of AWS") ||
		!strings.Contains(imported, awsReadOnly) {
		t.Errorf("notes:\n%s\nfile:\n%s", notes, imported)
	}

	_, _, err = commandOutputs(t, "import", "aws", "--endpoint", source, "--managed-policies", file+".none")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--managed-policies") {
		t.Errorf("a missing file: %v", err)
	}
}
