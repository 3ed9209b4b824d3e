// What the actions ask of the host: keys, events and requests.

package main

import (
	"errors"
	"fmt"
	"strconv"

	"petrel"
)

// Count is a key of the pack, and how much is added to its number.
type Count struct {
	Key string `json:"key" doc:"The key."`
	By  int64  `json:"by" doc:"How much is added." default:"1"`
}

// Counted is the sum.
type Counted struct {
	Count int64 `json:"count" doc:"The sum."`
}

func count(_ *petrel.Context, input Count) (Counted, error) {
	for {
		entry, err := petrel.KV.Get(input.Key)
		if err != nil {
			return Counted{}, err
		}
		number, version := int64(0), ""
		if entry != nil {
			if number, err = strconv.ParseInt(entry.Value, 10, 64); err != nil {
				return Counted{}, &petrel.Error{
					Kind:    petrel.Conflict,
					Message: fmt.Sprintf("the key %s has no number", input.Key),
				}
			}
			version = entry.Version
		}
		number += input.By
		_, err = petrel.KV.CAS(input.Key, version, strconv.FormatInt(number, 10), 0)
		if err == nil {
			return Counted{number}, nil
		}
		// Another run may have been faster, so that there is another number to add to.
		var refused *petrel.Error
		if !errors.As(err, &refused) || refused.Kind != petrel.Conflict {
			return Counted{}, err
		}
	}
}

// Announce is a text, which an event says.
type Announce struct {
	Text string `json:"text" doc:"The text."`
}

// Announced is the text.
type Announced struct {
	Announced string `json:"announced" doc:"The text."`
}

func announce(_ *petrel.Context, input Announce) (Announced, error) {
	_, err := petrel.Emit("announced", input)
	return Announced{input.Text}, err
}

// Fetch is an address.
type Fetch struct {
	URL string `json:"url" doc:"The address."`
}

// Fetched is the answer.
type Fetched struct {
	Status int    `json:"status" doc:"The status of the answer."`
	Body   string `json:"body" doc:"Its body."`
}

func fetch(_ *petrel.Context, input Fetch) (Fetched, error) {
	response, err := petrel.Get(input.URL)
	if err != nil {
		return Fetched{}, err
	}
	body, err := response.Text()
	return Fetched{response.Status, body}, err
}

// Nothing is what spin takes and gives.
type Nothing struct{}

func spin(*petrel.Context, Nothing) (Nothing, error) {
	for {
	}
}

func init() {
	petrel.Export(
		petrel.New("count", "Adds to a number that is kept in a key of the pack.", count),
		petrel.New("announce", "Says a text in an event.", announce),
		petrel.New("fetch", "Reads an address.", fetch),
		petrel.New("spin", "Never ends by itself: the host ends it.", spin),
	)
}
