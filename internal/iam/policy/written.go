package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// CheckWritten refuses a document that IAM refuses as a new permission policy, managed
// or inline. Do not use it for stored documents, which stay in force: without one, a
// role could do what it denies. Errors are *Fault with IAM's text, and those of Parse
// and CheckIdentity.
func CheckWritten(doc []byte, managed bool) error {
	d, statements, err := read(doc)
	if err != nil {
		return err
	}
	if managed && d.version != version2012 {
		return &Fault{
			Where:    "Version",
			Text:     "Policy document must be version 2012-10-17 or greater.",
			Expected: version2012,
			Got:      "another version, or none",
			Fix:      `add "Version": "` + version2012 + `"; policy variables then count in the document`,
		}
	}

	for _, check := range []func(*writtenStatement) *Fault{writtenARNs, writtenResources, writtenActions} {
		for i := range statements {
			if fault := check(&statements[i]); fault != nil {
				return fault
			}
		}
	}

	if d, err = Parse(doc); err != nil {
		return err
	}

	return d.CheckIdentity()
}

// writtenARNs refuses ARNs without parts in the middle: "arn:aws:s3::bucket" has its
// bucket in the account's place. Like IAM, it accepts ARNs without parts at the end.
func writtenARNs(w *writtenStatement) *Fault {
	for _, r := range w.resourceTexts {
		parts := strings.Split(r, ":")
		if len(parts) < 3 || !isPartition(parts[1]) {
			continue // writtenResources refuses it
		}

		short := len(parts) < 4 && (parts[2] == "iam" || parts[2] == "s3") // IAM checks the region of these
		if parts[2] == "" || short || len(parts) < 6 && strings.Contains(r, "::") {
			return w.resourceFault("The policy failed legacy parsing", r,
				"write all six parts: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE")
		}
	}

	return nil
}

func writtenResources(w *writtenStatement) *Fault {
	if len(w.resourceTexts) == 0 {
		return w.resourceFault("Policy statement must contain resources.", "none", `add "Resource"`)
	}

	for _, r := range w.resourceTexts {
		if r == "*" {
			continue
		}
		if text, fix := resourceProblem(r, strings.Split(r, ":")); text != "" {
			return w.resourceFault(text, r, fix)
		}
	}

	return nil
}

// partitions has the partitions of AWS (AWS documentation, "AWS Regions": partitions of
// ARNs).
var partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}

func isPartition(name string) bool { return name == "*" || slices.Contains(partitions, name) }

// iamResources are the prefixes of the resource in an IAM ARN.
var iamResources = []string{
	"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/",
	"policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
}

// resourceProblem returns IAM's text for the problem of a resource, and the fix; "" if
// it has none. parts are the resource split at its colons.
func resourceProblem(r string, parts []string) (text, fix string) {
	part := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	fixed := func(text string) bool { return text != "" && !strings.ContainsAny(text, "*?$") }

	switch {
	case len(parts) == 1, isPartition(parts[1]) && parts[0] != "arn":
		return fmt.Sprintf(`Resource %s must be in ARN format or "*".`, r), `write the ARN, or "*"`
	case !isPartition(parts[1]):
		rest := append(slices.Clone(parts[2:]), "*", "*", "*", "*")
		last := rest[3]
		if len(parts) > 5 {
			last = strings.Join(parts[5:], ":")
		}

		return fmt.Sprintf(`Partition "%s" is not valid for resource "arn:%s:%s:%s:%s:%s".`,
				parts[1], parts[1], rest[0], rest[1], rest[2], last),
			"use a partition of AWS: " + strings.Join(partitions, ", ")
	case len(parts) == 2:
		return "Resource vendor must be fully qualified and cannot contain regexes.", "name the service in the ARN"
	case parts[2] == "iam" && fixed(part(3)):
		return fmt.Sprintf("IAM resource %s cannot contain region information.", r), "leave the region empty"
	case parts[2] == "s3" && fixed(part(3)) && part(4) == "": // access points have a region, and an account
		return fmt.Sprintf("Resource %s can not contain region information.", r), "leave the region empty"
	case parts[2] == "iam" && len(parts) > 5 && !isIAMResource(strings.Join(parts[5:], ":")):
		return `IAM resource path must either be "*" or start with ` + strings.Join(iamResources, ", ") + ".",
			"write what kind of resource it is"
	}

	return "", ""
}

func isIAMResource(name string) bool {
	startsIt := func(kind string) bool { return strings.HasPrefix(name, kind) }
	return name == "*" || slices.ContainsFunc(iamResources, startsIt)
}

var vendorPattern = regexp.MustCompile(`^[a-zA-Z0-9.-]*$`)

func writtenActions(w *writtenStatement) *Fault {
	for _, action := range w.actionTexts {
		if action == "*" {
			continue
		}

		text := ""
		switch parts := strings.Split(action, ":"); {
		case len(parts) == 1:
			text = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
		case len(parts) > 2:
			text = "Actions/Condition can contain only one colon."
		case parts[0] != "*" && !vendorPattern.MatchString(parts[0]):
			text = fmt.Sprintf("Vendor %s is not valid", parts[0])
		}
		if text != "" {
			return &Fault{
				Where:    w.where + "." + elementName("Action", w.notAction),
				Text:     bounded(text),
				Expected: `"*" or SERVICE:OPERATION`,
				Got:      bounded(action),
				Fix:      "write the service's prefix, one colon and the operation: s3:GetObject",
			}
		}
	}

	return nil
}

func (w *writtenStatement) resourceFault(text, got, fix string) *Fault {
	return &Fault{
		Where:    w.where + "." + elementName("Resource", w.notResource),
		Text:     bounded(text),
		Expected: `ARNs, or "*"`,
		Got:      bounded(got),
		Fix:      fix,
	}
}
