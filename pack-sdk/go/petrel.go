// Package petrel is the library for packs in Go: functions become actions of a component.
//
// An action is a function whose types declare its parameters and its result. [Export] makes the actions known, in an init
// function of the pack, and schema.go derives their metadata. What an action asks of the host is in kv.go, secret.go, event.go,
// call.go and http.go; wire*.go are the way to it, and native.go stands in for it in tests. The tutorial is in
// template/README.md.
package petrel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Context describes the call that an action serves.
type Context struct {
	// ExecutionID has 24 hexadecimal digits. It is the same if a lost run is started again.
	ExecutionID string
	Pack        string
	Action      string
	User        string
	// Attempt is 0 for the first start, and one more for each lost run.
	Attempt uint32
	// DeadlineMS is the time at which the host ends the call, in Unix milliseconds.
	DeadlineMS uint64
	// ParentID is the execution that asked for this one. Empty if there is none.
	ParentID string
	// TraceID has 32 hexadecimal digits.
	TraceID string
}

// Kind is the kind of a failure, by which a policy decides whether to try again.
type Kind uint8

// The kinds, in the order of wit/deps/types.
const (
	InvalidInput Kind = iota
	Misconfigured
	Denied
	Unauthenticated
	NotFound
	Conflict
	Transient
	RateLimited
	Timeout
	Canceled
	Permanent
	// Other is any other kind: Word says it.
	Other
)

// Error is the error of an action. Any other error is sent as a permanent one.
type Error struct {
	Kind Kind
	// Message is one line, for people.
	Message string
	// Hint is the remedy.
	Hint string
	// Code is a stable dotted code for programs, such as greetings.nobody.
	Code string
	// Details are written as JSON. Nil if there are none.
	Details any
	// RetryAfter is the time to wait, of the kinds Transient and RateLimited. 0 if it is not known.
	RetryAfter time.Duration
	// Word is the kind itself, of the kind Other.
	Word string
}

func (e *Error) Error() string { return e.Message }

// Action is what [New] makes of a function.
type Action struct {
	metadata metadata
	run      func(*Context, []byte) ([]byte, error)
}

type metadata struct {
	Name         string `json:"name"`
	Description  string `json:"description"`
	Idempotent   bool   `json:"idempotent"`
	Parameters   any    `json:"parameters"`
	OutputSchema any    `json:"output_schema"`
}

// New makes an action of a function. Its parameters are the fields of In, and its result is an Out.
func New[In, Out any](name, description string, function func(*Context, In) (Out, error)) *Action {
	run := func(ctx *Context, given []byte) ([]byte, error) {
		var input In
		decoder := json.NewDecoder(bytes.NewReader(given))
		decoder.DisallowUnknownFields()
		setDefaults(&input)
		if err := decoder.Decode(&input); err != nil {
			return nil, &Error{Kind: InvalidInput, Message: fmt.Sprintf("the parameters are not as expected: %v", err)}
		}
		result, err := function(ctx, input)
		if err != nil {
			return nil, err
		}
		return json.Marshal(result)
	}
	return &Action{
		metadata: metadata{
			Name:         name,
			Description:  description,
			Parameters:   parameters[In](),
			OutputSchema: outputSchema[Out](),
		},
		run: run,
	}
}

// Idempotent says that running the action twice has no further effect, so that a run that was lost with its host is
// started again.
func (a *Action) Idempotent() *Action {
	a.metadata.Idempotent = true
	return a
}

var actions []*Action

// Export makes actions known to the host.
func Export(exported ...*Action) {
	actions = append(actions, exported...)
	slog.SetDefault(slog.New(handler{}))
}

// Log writes a message to the output of the execution. log/slog does the same, at its own levels.
func Log(level slog.Level, message string) { write(level, message, "") }

// Progress reports the progress, from 0 to 1.
func Progress(fraction float32) { progress(fraction) }

// Config reads the configuration of the pack.
func Config(into any) error {
	if err := json.Unmarshal([]byte(config()), into); err != nil {
		return &Error{Kind: Misconfigured, Message: fmt.Sprintf("the configuration is not as expected: %v", err)}
	}
	return nil
}

func describe() []byte {
	described := make([]metadata, 0, len(actions))
	for _, action := range actions {
		described = append(described, action.metadata)
	}
	text, err := json.Marshal(map[string]any{"actions": described})
	if err != nil {
		panic(err)
	}
	return text
}

func run(ctx *Context, parameters []byte) ([]byte, *Error) {
	for _, action := range actions {
		if action.metadata.Name != ctx.Action {
			continue
		}
		result, err := action.run(ctx, parameters)
		if err == nil {
			return result, nil
		}
		var known *Error
		if errors.As(err, &known) {
			return nil, known
		}
		return nil, &Error{Kind: Permanent, Message: err.Error()}
	}
	return nil, &Error{Kind: NotFound, Message: "the component has no action " + ctx.Action}
}
