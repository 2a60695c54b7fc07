package report

import (
	"encoding/json"
	"maps"
	"slices"
)

// carried is a Setup on its way to another program in the same process. The
// secrets go along, to be masked wherever they turn up there: it is for memory
// that nobody else reads.
type carried struct {
	Setup   Setup    `json:"setup"`
	Secrets []string `json:"secrets"`
}

// Carry describes a Setup for Carried.
func (s *Setup) Carry() ([]byte, error) {
	return json.Marshal(carried{*s, slices.Sorted(maps.Keys(s.secrets.known))})
}

// Carried gives what Carry described.
func Carried(data []byte) (*Setup, error) {
	var c carried
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	for _, text := range c.Secrets {
		c.Setup.secrets.add(text)
	}
	return &c.Setup, nil
}
