//go:build !wasip1

package petrel

import (
	"fmt"
	"log/slog"
)

// The stand-ins for the host in tests, which run natively: messages are printed, there is no configuration, and events have
// no id.

func write(level slog.Level, message, fields string) { fmt.Println(level, message, fields) }

func progress(fraction float32) { fmt.Println("progress", fraction) }

func config() string { return "{}" }

func emit(trigger, payload string) (string, error) {
	fmt.Println("emitted", trigger, payload)
	return "", nil
}
