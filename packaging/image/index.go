package main

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// writeIndex writes an OCI image layout with one image index of the images in the files.
func writeIndex(folder string, files []string) error {
	if len(files) == 0 {
		return fmt.Errorf("no files for %s", folder)
	}

	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	var annotations map[string]string
	for _, file := range files {
		image, config, err := readImage(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		annotations = config.Config.Labels

		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image,
			Descriptor: v1.Descriptor{
				Platform: &v1.Platform{OS: config.OS, Architecture: config.Architecture},
			},
		})
	}

	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}

	return path.AppendIndex(mutate.Annotations(index, annotations).(v1.ImageIndex), layout.WithAnnotations(
		map[string]string{"org.opencontainers.image.ref.name": annotations["org.opencontainers.image.version"]}))
}

// readImage reads a file that writeImage wrote, as an image with OCI's media types.
func readImage(file string) (v1.Image, *v1.ConfigFile, error) {
	image, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return nil, nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, nil, err
	}

	image = mutate.MediaType(image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image = mutate.Annotations(image, config.Config.Labels).(v1.Image)

	return image, config, nil
}
