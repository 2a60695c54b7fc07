package launcher

import "encoding/json"

// message is what master and worker say to each other, one per packet.
type message struct {
	Type string `json:"type"`

	// Of typeStart.
	Server     string   `json:"server,omitempty"`
	Slot       int      `json:"slot,omitempty"`
	Generation int      `json:"generation,omitempty"`
	Region     int      `json:"region,omitempty"`
	Stderr     bool     `json:"stderr,omitempty"`
	Keys       []string `json:"keys,omitempty"`    // of the listeners that come along, or that end
	Foreign    []bool   `json:"foreign,omitempty"` // which of them belong to whoever started the master

	Handover bool   `json:"handover,omitempty"` // of typeDrain: another worker goes on with the sockets
	Text     string `json:"text,omitempty"`     // a reason, or errors, one a line
	Cut      int    `json:"cut,omitempty"`      // of typeDone
	ID       int    `json:"id,omitempty"`       // of typeReport and typeProfile: of the question, and of its answer
	Seconds  int    `json:"seconds,omitempty"`  // of typeProfile, as
	Debug    int    `json:"debug,omitempty"`    // net/http/pprof has them; Text is its name, or what went wrong
}

// What a master says.
const (
	typeListen       = "listen"       // Keys, with their sockets
	typeStart        = "start"        // after the listeners; with board, snapshot and the log's descriptor
	typeAdopt        = "adopt"        // Keys, with their sockets: accept from these, too
	typeDrain        = "drain"        // Handover; Keys are the sockets that nobody goes on with
	typeCut          = "cut"          // end at once
	typeReopen       = "reopen"       // the log files
	typeCertificates = "certificates" // new ones, in a memory that comes along
	typeReport       = "report"       // tell of yourself; the answer is of the same type, with a memory file
	typeProfile      = "profile"      // take a profile of yourself; as typeReport
)

// What a worker says.
const (
	typeReady   = "ready"   // requests are answered
	typeFailed  = "failed"  // Text: why it cannot start
	typeRecycle = "recycle" // Text: why it wants to be replaced
	typeSignal  = "signal"  // somebody sent SIGTERM to the worker itself
	typeLeft    = "left"    // the sockets that others go on with, after typeDrain
	typeDone    = "done"    // drained; Cut requests were cut
)

// maxText bounds what a worker says of its errors: a packet holds 64 KB, and JSON may make six bytes of one.
const maxText = 8 << 10

func (m *message) encode() []byte {
	if len(m.Text) > maxText {
		m.Text = m.Text[:maxText] + "\n..."
	}
	data, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and numbers
	}
	return data
}
