package petrel

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// The metadata of actions, from their types. A field of a struct goes by its tag `json`, and has the tags `doc` for a
// description and `default` for a default, as JSON or as plain text. A field without a default is required, unless it is a
// pointer or `omitempty`.

type schema map[string]any

// parameters are the fields of In, by name.
func parameters[In any]() schema {
	kind := reflect.TypeFor[In]()
	if kind.Kind() != reflect.Struct {
		panic("the parameters of an action are the fields of a struct, and " + kind.String() + " is none")
	}
	return properties(kind, []reflect.Type{kind})
}

func outputSchema[Out any]() schema { return schemaOf(reflect.TypeFor[Out](), nil) }

func properties(kind reflect.Type, within []reflect.Type) schema {
	found := schema{}
	for _, field := range reflect.VisibleFields(kind) {
		name, isOptional, isKnown := named(field)
		if !isKnown {
			continue
		}
		property := schemaOf(field.Type, within)
		if text, ok := field.Tag.Lookup("doc"); ok {
			property["description"] = text
		}
		if text, ok := field.Tag.Lookup("default"); ok {
			property["default"] = value(text)
		} else if !isOptional {
			property["required"] = true
		}
		found[name] = property
	}
	return found
}

// named gives the name of a field in JSON, and whether it may be left out.
func named(field reflect.StructField) (name string, isOptional, isKnown bool) {
	tag := field.Tag.Get("json")
	if !field.IsExported() || tag == "-" || field.Anonymous && tag == "" {
		return "", false, false
	}
	name, options, _ := strings.Cut(tag, ",")
	if name == "" {
		name = field.Name
	}
	isOptional = strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
	return name, isOptional || field.Type.Kind() == reflect.Pointer, true
}

// schemaOf is the schema of a type. Where a type is within itself, as that of a tree is, it says no more than that there is one.
func schemaOf(kind reflect.Type, within []reflect.Type) schema {
	isWithinItself := slices.Contains(within, kind)
	within = append(slices.Clip(within), kind)
	switch {
	case isOne[json.Marshaler](kind) || isOne[json.Unmarshaler](kind):
		return schema{}
	case isOne[encoding.TextMarshaler](kind):
		return schema{"type": "string"}
	}
	switch kind.Kind() {
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return schema{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return schema{"type": "integer", "minimum": 0}
	case reflect.Float32, reflect.Float64:
		return schema{"type": "number"}
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Pointer:
		if isWithinItself {
			return schema{}
		}
		return schemaOf(kind.Elem(), within)
	case reflect.Slice, reflect.Array:
		// Bytes are a text in base64.
		if kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Uint8 {
			return schema{"type": "string"}
		}
		if isWithinItself {
			return schema{"type": "array"}
		}
		return schema{"type": "array", "items": schemaOf(kind.Elem(), within)}
	case reflect.Map:
		return schema{"type": "object"}
	case reflect.Struct:
		if isWithinItself {
			return schema{"type": "object"}
		}
		return schema{"type": "object", "properties": properties(kind, within)}
	default:
		return schema{}
	}
}

// isOne says whether a type is, by itself or behind a pointer, one that writes or reads JSON in its own way, as time.Time does.
func isOne[Interface any](kind reflect.Type) bool {
	wanted := reflect.TypeFor[Interface]()
	return kind.Implements(wanted) || reflect.PointerTo(kind).Implements(wanted)
}

func value(text string) any {
	var parsed any
	if json.Unmarshal([]byte(text), &parsed) == nil {
		return parsed
	}
	return text
}

// setDefaults fills in the defaults of the tags, which the host does, too: a test calls the action without a host.
func setDefaults(input any) {
	structure := reflect.ValueOf(input).Elem()
	for index := range structure.NumField() {
		text, ok := structure.Type().Field(index).Tag.Lookup("default")
		field := structure.Field(index)
		if !ok || !field.CanSet() {
			continue
		}
		encoded, err := json.Marshal(value(text))
		if err == nil {
			err = json.Unmarshal(encoded, field.Addr().Interface())
		}
		if err != nil {
			panic("the default of " + structure.Type().Field(index).Name + " is not of its type: " + err.Error())
		}
	}
}
