// Package answer has what all servers of the comparison give.
package answer

import "strings"

// The paths, and the short answer.
const (
	SmallPath = "/v1/small"
	LargePath = "/v1/large"
	Small     = "flour, water, and time"
)

// LargeSize is the length of the long answer.
const LargeSize = 64 << 10

// Large is the long answer.
func Large() string { return strings.Repeat("x", LargeSize) }
