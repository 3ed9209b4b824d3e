// Schemas of types, also of those that contain themselves.

package petrel

import (
	"encoding/json"
	"testing"
)

type tree struct {
	Name     string          `json:"name"`
	Children []tree          `json:"children,omitempty"`
	Parent   *tree           `json:"parent"`
	ByName   map[string]tree `json:"by_name,omitempty"`
}

type list []list

type twice struct {
	First  tree `json:"first"`
	Second tree `json:"second"`
}

func TestASchemaHasAnEnd(t *testing.T) {
	written := func(schema schema) string {
		text, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	inner := `{"properties":{"by_name":{"type":"object"},"children":{"items":{"type":"object"},"type":"array"},` +
		`"name":{"required":true,"type":"string"},"parent":{"type":"object"}},"required":true,"type":"object"}`
	for name, one := range map[string]struct{ found, expected string }{
		"a tree": {
			written(parameters[tree]()),
			`{"by_name":{"type":"object"},"children":{"items":{"type":"object"},"type":"array"},` +
				`"name":{"required":true,"type":"string"},"parent":{"type":"object"}}`,
		},
		"a list of itself": {written(outputSchema[list]()), `{"items":{"type":"array"},"type":"array"}`},
		"two of a type":    {written(outputSchema[twice]()), `{"properties":{"first":` + inner + `,"second":` + inner + `},"type":"object"}`},
	} {
		if one.found != one.expected {
			t.Errorf("%s: %s", name, one.found)
		}
	}
}
