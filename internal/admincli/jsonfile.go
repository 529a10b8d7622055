package admincli

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/spf13/cobra"
)

// file sets a member to the JSON object in the file that a flag names.
func (m members) file(c *cobra.Command, flag, member string) error {
	object, err := objectOf(c, flag)
	if err == nil && object != nil {
		m[member] = object
	}
	return err
}

// drafts sets the members that the file of --roles has.
func (m members) drafts(c *cobra.Command) error {
	object, err := objectOf(c, "roles")
	if err != nil {
		return err
	}

	for _, member := range sortedKeys(object) {
		switch member {
		case "Roles", "RoleMappings", "PrincipalTags":
		default:
			return fmt.Errorf("--roles: it has %q; use Roles, RoleMappings and PrincipalTags", member)
		}
	}
	maps.Copy(m, object)

	return nil
}

// objectOf returns the JSON object in the file that a flag names; nil if it names none.
func objectOf(c *cobra.Command, flag string) (members, error) {
	text, err := fileOf(c, flag)
	if text == "" || err != nil {
		return nil, err
	}

	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, fmt.Errorf("--%s: it is no JSON object: %w", flag, err)
	}

	object := members{}
	for name, value := range raw {
		object[name] = value
	}

	return object, nil
}
