// Events that an action emits.

package petrel

import (
	"encoding/json"
	"time"
)

// Event is an event of a trigger type of the pack.
type Event struct {
	// Trigger is a trigger type of the pack, or the id of a trigger, whose rules alone see the event.
	Trigger string
	// Payload is written as JSON. It must be an object.
	Payload any
	// Parameters are, beside a trigger type, those of the trigger that it is for. Nil for rules that give none.
	Parameters any
	// DedupKey makes events of one trigger with the same key one event, for a while.
	DedupKey string
	// OccurredAt is the time at which it happened, if that is not now.
	OccurredAt time.Time
	// TraceTag is the tag of the trace that it belongs to.
	TraceTag string
}

// Emit emits an event of a trigger type of the pack, and gives the id of its trigger instance.
func Emit(triggerType string, payload any) (string, error) {
	return EmitEvent(Event{Trigger: triggerType, Payload: payload})
}

// EmitEvent emits an event, and gives the id of its trigger instance. An error of the kind [Transient] says that it may be
// tried again, after its RetryAfter.
func EmitEvent(event Event) (string, error) {
	payload, err := json.Marshal(event.Payload)
	if err != nil {
		return "", err
	}
	parameters := ""
	if event.Parameters != nil {
		text, err := json.Marshal(event.Parameters)
		if err != nil {
			return "", err
		}
		parameters = string(text)
	}
	return emit(&event, string(payload), parameters)
}
