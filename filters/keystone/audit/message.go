package audit

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// messenger sends events as notifications of oslo.messaging.
type messenger struct {
	rabbit    *rabbit
	publisher string
	envelope  bool // format 2.0, else 1.0
}

// message is a notification as it is sent, with the context in its keys.
type message struct {
	MessageID   string `json:"message_id"`
	PublisherID string `json:"publisher_id"`
	EventType   string `json:"event_type"`
	Priority    string `json:"priority"`
	Payload     *event `json:"payload"`
	Timestamp   string `json:"timestamp"`
	UniqueID    string `json:"_unique_id"`
	callContext
}

// envelope is that of the format 2.0.
type envelope struct {
	Version string `json:"oslo.version"`
	Message string `json:"oslo.message"`
}

func (m *messenger) notify(n *notification) {
	body, err := m.encode(n)
	if err != nil {
		m.rabbit.log.Error("an event of the audit is lost", "error", err)
		return
	}
	m.rabbit.put(body)
}

// encode writes the body of a message. One body goes to all topics: their queues
// hold different events with one id each, which nobody reads together.
func (m *messenger) encode(n *notification) ([]byte, error) {
	unique := uuid.New()
	body, err := json.Marshal(message{
		MessageID: uuid.NewString(), PublisherID: m.publisher, EventType: n.kind, Priority: "INFO", Payload: &n.payload,
		Timestamp: time.Now().UTC().Format("2006-01-02 15:04:05.000000"), UniqueID: hex.EncodeToString(unique[:]), callContext: n.context,
	})
	if err != nil || !m.envelope {
		return body, err
	}
	return json.Marshal(envelope{"2.0", string(body)})
}
