// Reads a configuration of Envoy Gateway as Envoy Gateway does, but refuses keys that it does not know.
//
// In: a file's name. Out: nothing, or on standard error what is wrong; exit code 0 or 1.
// Starts nothing.
package main

import (
	"fmt"
	"os"

	"github.com/envoyproxy/gateway/api/v1alpha1"
	"github.com/envoyproxy/gateway/api/v1alpha1/validation"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: settings FILE")
		os.Exit(2)
	}
	if err := judge(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func judge(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	settings := &v1alpha1.EnvoyGateway{}
	if err := yaml.UnmarshalStrict(text, settings); err != nil {
		return err
	}
	settings.SetEnvoyGatewayDefaults()
	return validation.ValidateEnvoyGateway(settings)
}
