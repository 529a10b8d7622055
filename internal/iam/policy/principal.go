package policy

import (
	"regexp"
	"slices"
	"strings"
)

// principalSet is a Principal or NotPrincipal element.
type principalSet struct {
	anyone    bool     // "*", or {"AWS": "*"}, which means the same (IAM User Guide)
	accounts  []string // accounts, of which every principal is in the set
	aws       []string // exact ARNs and unique IDs
	roots     []string // the ARNs of accounts that the document names by ARN
	federated []string
	service   []string
	canonical []string
}

// contains reports whether the principal of r is in the set; for anyPartition see
// Statement.anyPartition.
func (s *principalSet) contains(r *Request, anyPartition bool) bool {
	p := &r.Principal
	if s.anyone {
		return true
	}

	for _, arn := range p.AWS {
		if names(s.aws, arn, r.Partition, anyPartition) {
			return true
		}
		if len(s.accounts) > 0 && !p.Itself && slices.Contains(s.accounts, accountOf(arn)) {
			return true
		}
	}

	return names(s.federated, p.Federated, r.Partition, anyPartition) ||
		p.Service != "" && slices.Contains(s.service, p.Service) ||
		p.CanonicalUser != "" && slices.Contains(s.canonical, p.CanonicalUser)
}

// accountOf returns the account of an IAM or STS ARN, or "".
func accountOf(arn string) string {
	for range 4 {
		_, rest, ok := strings.Cut(arn, ":")
		if !ok {
			return ""
		}
		arn = rest
	}
	account, _, _ := strings.Cut(arn, ":")

	return account
}

var (
	accountPattern  = regexp.MustCompile(`^[0-9]{12}$`)
	accountRoot     = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):root$`)
	awsPrincipalARN = regexp.MustCompile(
		`^arn:aws[a-z-]*:(?:iam::[0-9]{12}:(?:user|role)|sts::[0-9]{12}:(?:assumed-role|federated-user))/[\x21-\x7e]+$`,
	)
	uniqueID         = regexp.MustCompile(`^A[A-Z0-9]{15,127}$`)
	servicePattern   = regexp.MustCompile(`^[a-z0-9-]+(?:\.[a-z0-9-]+)+$`)
	federatedPattern = regexp.MustCompile(`^[\x21-\x7e]+$`)
	canonicalPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// principalKinds are the members of a Principal element that principalSet.add reads.
var principalKinds = []string{"AWS", "Federated", "Service", "CanonicalUser"}

func (p *parser) principals(where string) (*principalSet, error) {
	set := &principalSet{}
	if p.dec.PeekKind() == '"' {
		text, err := p.text(where)
		if err == nil && text != "*" {
			err = fault(where, "is %q; the only string allowed is \"*\"", text)
		}
		set.anyone = true
		return set, err
	}
	if kind := p.dec.PeekKind(); kind != '{' {
		return nil, p.unexpected(where, "\"*\" or an object", kind)
	}

	empty := true
	err := p.object(where, func(name string) error {
		empty = false
		at := where + "." + name

		if !slices.Contains(principalKinds, name) {
			return fault(where, "unknown kind of principal %q", name)
		}

		list, err := p.texts(at)
		if err != nil {
			return err
		}

		for _, text := range list {
			if !set.add(name, text) {
				return fault(at,
					"%q does not name a principal; wildcards are only allowed as a lone \"*\" of AWS", text)
			}
		}

		return nil
	})
	if err == nil && empty {
		err = fault(where, "is empty")
	}

	return set, err
}

// add adds the value of a member. It reports whether the value is valid.
func (s *principalSet) add(kind, text string) bool {
	wild := strings.ContainsAny(text, "*?")
	switch kind {
	case "AWS":
		root := accountRoot.FindStringSubmatch(text)
		switch {
		case text == "*":
			s.anyone = true
		case wild:
			return false
		case root != nil:
			s.accounts = append(s.accounts, root[1])
			s.roots = append(s.roots, text)
		case accountPattern.MatchString(text):
			s.accounts = append(s.accounts, text)
		case awsPrincipalARN.MatchString(text), uniqueID.MatchString(text):
			s.aws = append(s.aws, text)
		default:
			return false
		}
	case "Federated":
		if wild || !federatedPattern.MatchString(text) {
			return false
		}
		s.federated = append(s.federated, text)
	case "Service":
		if !servicePattern.MatchString(text) {
			return false
		}
		s.service = append(s.service, text)
	case "CanonicalUser":
		if !canonicalPattern.MatchString(text) {
			return false
		}
		s.canonical = append(s.canonical, text)
	}

	return true
}
