package template

import (
	"regexp"
	"strings"
)

// pathKey is the metadata in which CDK tells the path of a resource: STACK/…, or STAGE/STACK/….
const pathKey = "aws:cdk:path"

// metadataPath ends the path of the resource that CDK adds to each stack.
const metadataPath = "/CDKMetadata/Default"

var notInName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

const maxName = 64

// Name returns the name of the stack; "" if there is none.
func (t *Template) Name() string { return t.name }

// stackName finds the name of a stack in what CDK tells about its resources.
func stackName(resources *node) string {
	if resources == nil {
		return ""
	}

	name := ""
	for _, e := range resources.entries {
		metadata := e.value.get("Metadata")
		if metadata == nil || metadata.get(pathKey) == nil {
			continue
		}
		path := metadata.get(pathKey).text
		if stack, ok := strings.CutSuffix(path, metadataPath); ok {
			return inName(stack)
		}
		first, _, _ := strings.Cut(path, "/")
		if name != "" && first != name {
			return ""
		}
		name = first
	}

	return inName(name)
}

func inName(name string) string {
	name = notInName.ReplaceAllString(name, "-")
	return name[:min(len(name), maxName)]
}
