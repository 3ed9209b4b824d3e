// The actions of the pack.
package main

import (
	"log/slog"
	"strings"

	"petrel"
)

// Greet is whom to greet, and how often.
type Greet struct {
	Name  string `json:"name" doc:"Whom to greet."`
	Times int    `json:"times" doc:"How often." default:"1"`
}

// Greeting is what is said.
type Greeting struct {
	Text string `json:"text" doc:"What is said."`
}

func greet(_ *petrel.Context, input Greet) (Greeting, error) {
	if input.Name == "" {
		return Greeting{}, &petrel.Error{
			Kind:    petrel.InvalidInput,
			Message: "there is nobody to greet",
			Code:    "greetings.nobody",
			Hint:    "give a name",
		}
	}
	slog.Info("greeting " + input.Name)
	text := strings.Repeat("Hello, "+input.Name+"! ", input.Times)
	return Greeting{Text: strings.TrimSpace(text)}, nil
}

func init() {
	petrel.Export(petrel.New("greet", "Greets somebody.", greet).Idempotent())
}

func main() {}
