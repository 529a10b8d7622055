package policy

import (
	"slices"
	"testing"
)

func TestCoversAndNamed(t *testing.T) {
	d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Federated":"graph.facebook.com"},"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{
			"StringEquals":{"graph.facebook.com:app_id":["1","2","${aws:x}"]},
			"StringLike":{"graph.facebook.com:app_id":"3*"},
			"StringEqualsIfExists":{"graph.facebook.com:app_id":"4"}}},
		{"Effect":"Allow","Principal":{"Federated":"graph.facebook.com"},"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{"StringEquals":{"graph.facebook.com:app_id":["2","5"]}}},
		{"Effect":"Deny","Principal":{"Federated":"graph.facebook.com"},"Action":"sts:AssumeRoleWithWebIdentity",
			"Condition":{"StringEquals":{"graph.facebook.com:app_id":"6"}}},
		{"Effect":"Allow","Principal":{"Federated":"www.amazon.com"},"Action":"sts:TagSession",
			"Condition":{"StringEquals":{"graph.facebook.com:app_id":"7"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}

	for principal, want := range map[string]bool{"graph.facebook.com": true, "www.amazon.com": false, "": false} {
		r := Request{Action: "sts:AssumeRoleWithWebIdentity", Resource: "r", Principal: Principal{Federated: principal}}
		if got := d.Covers(r); got != want {
			t.Errorf("Covers(%q) = %t", principal, got)
		}
		named := d.Named(r, "graph.facebook.com:APP_ID")
		if want && !slices.Equal(named, []string{"1", "2", "5"}) || !want && named != nil {
			t.Errorf("Named(%q) = %q", principal, named)
		}
	}
}

// A principal by itself is not reached through its account.
func TestPrincipalItself(t *testing.T) {
	d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"},
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/b"},"Action":"sts:AssumeRole"}]}`))
	if err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		arn    string
		itself bool
		want   Effect
	}{
		{"arn:aws:iam::123456789012:role/a", false, Allow}, {"arn:aws:iam::123456789012:role/a", true, NoMatch},
		{"arn:aws:iam::123456789012:role/b", true, Allow}, {"arn:aws:iam::999999999999:role/b", false, NoMatch},
	} {
		got, _ := d.Evaluate(Request{
			Action: "sts:AssumeRole", Resource: "r", Principal: Principal{AWS: []string{test.arn}, Itself: test.itself},
		})
		if got != test.want {
			t.Errorf("%s, itself %t: %v", test.arn, test.itself, got)
		}
	}
}
