package token

import (
	"strings"
	"unicode/utf16"
)

// service is one of the catalog.
type service struct {
	Type      string     `json:"type"`
	Name      *string    `json:"name"`
	Endpoints []endpoint `json:"endpoints"`
}

type endpoint struct {
	Interface string  `json:"interface"`
	URL       string  `json:"url"`
	Region    *string `json:"region"`
	RegionID  *string `json:"region_id"`
}

// catalogJSON writes a catalog in the shape of Keystone's API, version 2, which
// is what X-Service-Catalog has always been: endpoints of one region in one
// object. Spaces and escapes are those of Python's json.dumps.
func catalogJSON(services []service) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, s := range services {
		separate(&b, i)
		b.WriteString(`{"type": `)
		writeString(&b, s.Type)
		if s.Name != nil {
			b.WriteString(`, "name": `)
			writeString(&b, *s.Name)
		}
		b.WriteString(`, "endpoints": [`)
		for j, group := range byRegion(s.Endpoints) {
			separate(&b, j)
			group.write(&b)
		}
		b.WriteString("]}")
	}
	b.WriteByte(']')
	return b.String()
}

func separate(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

// regionGroup are the URLs of one region, as pairs of name and value.
type regionGroup struct {
	region *string
	urls   []header
}

// byRegion groups endpoints in the order in which they came. Of two URLs for
// one interface the last stays, at the place of the first.
func byRegion(endpoints []endpoint) []regionGroup {
	var groups []regionGroup
	for _, e := range endpoints {
		at := -1
		for i, g := range groups {
			if (g.region == nil) == (e.Region == nil) && (g.region == nil || *g.region == *e.Region) {
				at = i
			}
		}
		if at < 0 {
			groups = append(groups, regionGroup{region: e.Region})
			at = len(groups) - 1
		}
		groups[at].add(header{strings.ToLower(e.Interface) + "URL", e.URL})
	}
	return groups
}

func (g *regionGroup) add(url header) {
	for i := range g.urls {
		if g.urls[i].key == url.key {
			g.urls[i] = url
			return
		}
	}
	g.urls = append(g.urls, url)
}

func (g *regionGroup) write(b *strings.Builder) {
	b.WriteByte('{')
	n := 0
	if g.region != nil && *g.region != "" {
		b.WriteString(`"region": `)
		writeString(b, *g.region)
		n++
	}
	for _, u := range g.urls {
		separate(b, n)
		writeString(b, u.key)
		b.WriteString(": ")
		writeString(b, u.value)
		n++
	}
	b.WriteByte('}')
}

var shortEscapes = strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\f", `\f`, "\b", `\b`)

// writeString writes pure ASCII, as json.dumps does: encoding/json would leave
// other letters and escape < and >.
func writeString(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	escape := func(u uint16) {
		b.Write([]byte{'\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15]})
	}
	b.WriteByte('"')
	for _, r := range shortEscapes.Replace(s) {
		switch {
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		case r >= 0x10000:
			hi, lo := utf16.EncodeRune(r)
			escape(uint16(hi))
			escape(uint16(lo))
		default:
			escape(uint16(r))
		}
	}
	b.WriteByte('"')
}
