package identitypool

import "testing"

func TestValidID(t *testing.T) {
	const guid = ":11111111-2222-3333-4444-55555555555a"
	for id, want := range map[string]bool{
		"us-east-1" + guid: true, "us-gov-west-1" + guid: true, "eusc-de-east-1" + guid: true, "local" + guid: true, "eu1" + guid: true,
		"eighteen-letters-x" + guid: true, "nineteen-letters-xy" + guid: false, guid: false, "1" + guid: false, "-a" + guid: false, "US-EAST-1" + guid: false,
		"us_east" + guid: false, "us-east-1": false, "us-east-1:x": false, "us-east-1" + guid + "0": false, "us-east-1:11111111-2222-3333-4444-55555555555A": false,
	} {
		if ValidID(id) != want {
			t.Errorf("ValidID(%q) = %t", id, !want)
		}
	}
}
