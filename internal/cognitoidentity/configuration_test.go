package cognitoidentity

import (
	"reflect"
	"testing"
)

// TestConfigurationOfHasEveryMember checks that CreateIdentityPool passes on each member of its
// input, also one that is added later.
func TestConfigurationOfHasEveryMember(t *testing.T) {
	members := reflect.TypeFor[CreateIdentityPoolInput]()
	for n := range members.NumField() {
		member := members.Field(n)

		var in CreateIdentityPoolInput
		field := reflect.ValueOf(&in).Elem().Field(n)
		switch member.Type.Kind() {
		case reflect.Pointer:
			field.Set(reflect.New(member.Type.Elem()))
		case reflect.Map:
			field.Set(reflect.MakeMap(member.Type))
		default:
			field.Set(reflect.MakeSlice(member.Type, 1, 1))
		}

		got := reflect.ValueOf(configurationOf(&in)).Elem().FieldByName(member.Name)
		if !got.IsValid() || !reflect.DeepEqual(got.Interface(), field.Interface()) {
			t.Errorf("the new pool lacks %s", member.Name)
		}
	}
}
