package main

import (
	"strings"
	"testing"
)

// A file means the same in every partition: it is applied, without change the second
// time, exported and applied elsewhere, with the region's ARNs and names.
func TestApplyPartitions(t *testing.T) {
	for region, test := range map[string]struct{ partition, userPools, service string }{
		"cn-north-1": {"aws-cn", "cognito-idp.cn-north-1.amazonaws.com.cn",
			"cognito-identity.cn-north-1.amazonaws.com.cn"},
		"us-gov-west-1": {"aws-us-gov", "cognito-idp.us-gov-west-1.amazonaws.com",
			"cognito-identity-us-gov.amazonaws.com"},
		"eusc-de-east-1": {"aws-eusc", "cognito-idp.eusc-de-east-1.amazonaws.eu", "cognito-identity.amazonaws.com"},
	} {
		t.Run(region, func(t *testing.T) {
			devKeys(t)
			t.Setenv("AWS_REGION", region)
			file := strings.NewReplacer(
				"cognito-idp.us-east-1.amazonaws.com", test.userPools,
				"us-east-1", region,
				"cognito-identity.amazonaws.com", test.service,
			).Replace(appliedFile(t))

			source, target := devServer(t), devServer(t)
			apply := func(url, text string) string {
				return mustRun(t, "apply", "--endpoint", url, "-f", written(t, "shop.yaml", text))
			}
			contains(t, apply(source, file), "8 to create")
			contains(t, apply(source, file), "0 to create, 0 to update, 0 to delete, 8 without change")

			exported := mustRun(t, "export", "--endpoint", source)
			contains(t, exported, test.service)
			if strings.Contains(exported, "arn:aws:iam") {
				t.Errorf("exported with ARNs of another partition:\n%s", exported)
			}

			contains(t, apply(source, exported), "0 to create, 0 to update")
			apply(target, exported)
			if again := mustRun(t, "export", "--endpoint", target); again != exported {
				t.Errorf("exported again:\n%s\nwant:\n%s", again, exported)
			}

			wrong := strings.Replace(file, "PermissionsBoundary: !Ref Limit",
				"PermissionsBoundary: arn:aws:iam::000000000000:policy/Limit", 1)
			out, err := command(t, "apply", "--endpoint", source, "-f", written(t, "shop.yaml", wrong))
			if right := "arn:" + test.partition + ":iam::000000000000:policy/Limit"; err == nil ||
				!strings.Contains(out+err.Error(), "it is "+right) {
				t.Errorf("a boundary of another partition: %v\n%s", err, out)
			}
		})
	}
}

func TestAWSEndpoints(t *testing.T) {
	for region, want := range map[string][3]string{
		"us-east-1": {"https://cognito-identity.us-east-1.amazonaws.com", "https://iam.amazonaws.com", "us-east-1"},
		"cn-north-1": {"https://cognito-identity.cn-north-1.amazonaws.com.cn",
			"https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
		"us-gov-east-1": {"https://cognito-identity.us-gov-east-1.amazonaws.com", "https://iam.us-gov.amazonaws.com",
			"us-gov-west-1"},
		"eusc-de-east-1": {"https://cognito-identity.eusc-de-east-1.amazonaws.eu",
			"https://iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
	} {
		got := [3]string{awsEndpoint("cognito-identity", region), awsEndpoint("iam", region), iamRegion(region)}
		if got != want {
			t.Errorf("%s: %q, want %q", region, got, want)
		}
	}
}
