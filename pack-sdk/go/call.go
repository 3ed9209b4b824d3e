// Runs of other actions.

package petrel

import "encoding/json"

// Called is the end of an action that has succeeded.
type Called struct {
	// ExecutionID is the id of its execution.
	ExecutionID string
	// Result is its result, as JSON.
	Result json.RawMessage
}

// Call runs another action, with parameters that are written as a JSON object, and waits for its end. One that does not succeed
// is an error with the code action.failed, whose details have execution_id, status and result.
func Call(action string, parameters any) (*Called, error) {
	text, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	id, result, err := call(action, string(text))
	if err != nil {
		return nil, err
	}
	return &Called{id, json.RawMessage(result)}, nil
}
