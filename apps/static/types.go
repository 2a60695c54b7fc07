package static

import (
	"mime"
	"path"
	"strings"
)

// types are the media types by extension, so that the answer does not depend on
// what the machine has installed; extensions that are not here are looked up
// there.
var types = map[string]string{
	".7z": "application/x-7z-compressed", ".aac": "audio/aac", ".apng": "image/apng", ".atom": "application/atom+xml",
	".avi": "video/x-msvideo", ".avif": "image/avif", ".bin": "application/octet-stream", ".bmp": "image/bmp",
	".css": "text/css", ".csv": "text/csv", ".deb": "application/vnd.debian.binary-package", ".doc": "application/msword",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".eot": "application/vnd.ms-fontobject",
	".epub": "application/epub+zip", ".flac": "audio/flac", ".gif": "image/gif", ".htm": "text/html", ".html": "text/html",
	".ico": "image/vnd.microsoft.icon", ".ics": "text/calendar", ".iso": "application/x-iso9660-image", ".jar": "application/java-archive",
	".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".js": "text/javascript", ".json": "application/json", ".jsonld": "application/ld+json",
	".jxl": "image/jxl", ".m4a": "audio/mp4", ".map": "application/json", ".md": "text/markdown", ".mid": "audio/midi",
	".mjs": "text/javascript", ".mov": "video/quicktime", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".mpeg": "video/mpeg",
	".odp": "application/vnd.oasis.opendocument.presentation", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".odt": "application/vnd.oasis.opendocument.text", ".oga": "audio/ogg", ".ogg": "audio/ogg", ".ogv": "video/ogg",
	".opus": "audio/ogg", ".otf": "font/otf", ".pdf": "application/pdf", ".png": "image/png",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".ps": "application/postscript",
	".py": "text/x-python", ".rar": "application/vnd.rar", ".rpm": "application/x-rpm", ".rss": "application/rss+xml",
	".rst": "text/x-rst", ".rtf": "application/rtf", ".sh": "application/x-sh", ".svg": "image/svg+xml", ".tar": "application/x-tar",
	".tif": "image/tiff", ".tiff": "image/tiff", ".ttf": "font/ttf", ".txt": "text/plain", ".vtt": "text/vtt",
	".wasm": "application/wasm", ".wav": "audio/x-wav", ".weba": "audio/webm", ".webm": "video/webm",
	".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
	".xhtml": "application/xhtml+xml", ".xls": "application/vnd.ms-excel",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xml": "application/xml",
	".yaml": "application/yaml", ".yml": "application/yaml", ".zip": "application/zip", ".zst": "application/zstd",
}

// short are extensions that stand for two.
var short = map[string]string{
	".svgz": ".svg.gz", ".tgz": ".tar.gz", ".taz": ".tar.gz", ".tz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz",
}

// encodings are the extensions of compressed files; case counts.
var encodings = map[string]string{".gz": "gzip", ".Z": "compress", ".bz2": "bzip2", ".xz": "xz", ".br": "br"}

// guessType gives type and encoding by the name alone (STA-05): a charset is
// not known, and contents are not looked at.
func guessType(name string) (contentType, encoding string) {
	base, ext := splitExt(path.Base(name))
	if long, ok := short[strings.ToLower(ext)]; ok {
		base, ext = splitExt(base + long)
	}
	if e, ok := encodings[ext]; ok {
		encoding = e
		_, ext = splitExt(base)
	}
	ext = strings.ToLower(ext)
	if t, ok := types[ext]; ok {
		return t, encoding
	}
	t, _, _ := strings.Cut(mime.TypeByExtension(ext), ";")
	if t == "" {
		t = "application/octet-stream"
	}
	return t, encoding
}

// splitExt cuts the last extension off; the dots at the beginning of a name
// begin none.
func splitExt(name string) (base, ext string) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || strings.Trim(name[:dot], ".") == "" {
		return name, ""
	}
	return name[:dot], name[dot:]
}
