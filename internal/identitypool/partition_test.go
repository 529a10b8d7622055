package identitypool

import "testing"

func TestPartitionsOfARNs(t *testing.T) {
	const role = ":iam::123456789012:role/App"
	for text, partition := range map[string]string{
		"arn:aws" + role: "aws", "arn:aws-cn" + role: "aws-cn", "arn:aws-us-gov" + role: "aws-us-gov",
		"arn:AWS" + role: "", "arn:gcp" + role: "", "arn:aws": "", "login.example.com": "", "": "",
	} {
		if got := PartitionOf(text); got != partition {
			t.Errorf("PartitionOf(%q) = %q, want %q", text, got, partition)
		}
		want := text
		if partition != "" {
			want = "arn:aws-eusc" + role
		}
		if got := InPartition(text, "aws-eusc"); got != want {
			t.Errorf("InPartition(%q) = %q, want %q", text, got, want)
		}
	}

	for _, other := range []string{"arn:aws:iam::123456789012:role/app", "arn:aws:iam::210987654321:role/App",
		"arn:aws:iam::123456789012:role/x/App", "App"} {
		if SameARN("arn:aws-cn"+role, other) {
			t.Errorf("%s is the same as arn:aws-cn%s", other, role)
		}
	}

	if !SameARN("arn:aws-cn"+role, "arn:aws"+role) {
		t.Error("the partition makes another role")
	}
}

func TestServiceNames(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "cognito-identity.amazonaws.com", "eusc-de-east-1": "cognito-identity.amazonaws.com",
		"us-gov-west-1": "cognito-identity-us-gov.amazonaws.com",
		"us-gov-east-1": "cognito-identity.us-gov-east-1.amazonaws.com",
		"cn-north-1":    "cognito-identity.cn-north-1.amazonaws.com.cn",
	} {
		if got := ServiceName(region); got != want || !IsServiceName(got) {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}

	for _, name := range []string{
		"", "cognito-identity.us-gov-west-1.amazonaws.com", "cognito-identity.us-east-1.amazonaws.com",
		"cognito-identity.cn-north-1.amazonaws.com",
		"cognito-identity.amazonaws.com.cn", "cognito-identity..amazonaws.com",
		"cognito-identity.eusc-de-east-1.amazonaws.eu",
	} {
		if IsServiceName(name) {
			t.Errorf("%q is a name of the service", name)
		}
	}
}

func TestUserPoolsOfPartitions(t *testing.T) {
	for region, want := range map[string]string{
		"us-gov-west-1":  "cognito-idp.us-gov-west-1.amazonaws.com/x_1",
		"cn-north-1":     "cognito-idp.cn-north-1.amazonaws.com.cn/x_1",
		"eusc-de-east-1": "cognito-idp.eusc-de-east-1.amazonaws.eu/x_1",
	} {
		name := UserPoolName(region, "x_1")
		if pool, ok := ParseUserPool(name); name != want || !ok || pool.Region != region || pool.ID != "x_1" {
			t.Errorf("%s: %s (%+v, %t), want %s", region, name, pool, ok, want)
		}
	}
}

// What a pool has is found by the ARN of every partition; nothing else is touched.
func TestNamesOfPools(t *testing.T) {
	const corp = ":iam::123456789012:saml-provider/Corp"
	p := Pool{Region: "cn-north-1", SAMLProviderARNs: []string{"arn:aws" + corp}}
	for name, stored := range map[string]string{
		"arn:aws-cn" + corp: "arn:aws" + corp, "arn:aws-cn" + corp + ":bob": "arn:aws" + corp + ":bob",
		"arn:aws-cn" + corp + "2": "arn:aws-cn" + corp + "2", "login.example.com": "login.example.com",
	} {
		if got := p.StoredName(name); got != stored {
			t.Errorf("StoredName(%s) = %s, want %s", name, got, stored)
		}
		if got := p.ShownName(stored); got != name {
			t.Errorf("ShownName(%s) = %s, want %s", stored, got, name)
		}
	}
}
