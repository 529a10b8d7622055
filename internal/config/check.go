package config

// Check is the endpoint that reverse proxies ask whether to let a request
// through; the server checks its values.
type Check struct {
	Path      string       `yaml:"path" json:"path,omitempty"`
	Request   string       `yaml:"request" json:"request,omitempty"`
	Service   string       `yaml:"service" json:"service,omitempty"`
	Region    string       `yaml:"region" json:"region,omitempty"`
	Body      string       `yaml:"body" json:"body,omitempty"`
	MaxBody   int64        `yaml:"max_body" json:"max_body,omitempty"` // bytes
	Presigned bool         `yaml:"presigned" json:"presigned,omitempty"`
	Routes    []CheckRoute `yaml:"routes" json:"routes"`
}

// CheckRoute says which permission a request needs.
type CheckRoute struct {
	Match    string `yaml:"match" json:"match"`
	Action   string `yaml:"action" json:"action"`
	Resource string `yaml:"resource" json:"resource"`
}
