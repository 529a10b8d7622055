package poolhouse

import (
	"reflect"

	"github.com/poolhouse-id/poolhouse/internal/settingtable"
)

// Setting is a setting with its value in force, as ListSettings shows it. Secrets are masked.
type Setting = settingtable.Setting

// shownSettings lists the settings: those that the program gave, or else the single-valued ones of c.
func (c *Config) shownSettings() []Setting {
	if c.Settings != nil {
		return c.Settings
	}

	// Rows needs addresses of structs, and must not share those of the server.
	shown, standard := *c, Config{}
	standard.Limits = standard.Limits.WithDefaults()
	standard.AddressLimits = standard.AddressLimits.WithDefaults()

	return settingtable.Of(reflect.ValueOf(&shown).Elem(), reflect.ValueOf(&standard).Elem())
}
