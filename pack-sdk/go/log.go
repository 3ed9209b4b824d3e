package petrel

import (
	"context"
	"encoding/json"
	"log/slog"
)

// handler passes what log/slog is given on to the host.
type handler struct{ fields []slog.Attr }

func (handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(_ context.Context, record slog.Record) error {
	fields := map[string]any{}
	add := func(field slog.Attr) bool {
		fields[field.Key] = field.Value.Resolve().String()
		return true
	}
	for _, field := range h.fields {
		add(field)
	}
	record.Attrs(add)
	text := ""
	if len(fields) > 0 {
		encoded, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		text = string(encoded)
	}
	write(record.Level, record.Message, text)
	return nil
}

func (h handler) WithAttrs(fields []slog.Attr) slog.Handler {
	return handler{append(append([]slog.Attr(nil), h.fields...), fields...)}
}

// WithGroup leaves groups out: fields of the host have plain names.
func (h handler) WithGroup(string) slog.Handler { return h }
