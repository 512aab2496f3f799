package upload

import (
	"time"

	"github.com/apiece/apiece/bytesize"
)

// Config limits the size of a form. In each field 0 is the default and a
// negative value is no limit. Exceeding a limit is answered with 413.
type Config struct {
	// Limit is the size of the whole body, in bytes. 0 is 32 MB.
	Limit bytesize.Size

	// MaxParts is the number of fields and files together. 0 is 100.
	MaxParts int

	// MaxFiles is the number of files among the parts. 0 is 20.
	MaxFiles int

	// HeaderLimit is the size of the header of a part, in bytes. 0 is 8 KB.
	HeaderLimit bytesize.Size

	// FieldLimit is the total size of all fields that are not files, in bytes:
	// those that a handler keeps in memory. 0 is 1 MB.
	FieldLimit bytesize.Size

	// FileLimit is the size of each file, in bytes. 0 means that only Limit
	// applies.
	FileLimit bytesize.Size

	// ReadTimeout is how long the client may send nothing before the request
	// gets 408. It has no effect with writers without read deadlines. 0 is 30
	// seconds.
	ReadTimeout time.Duration
}

// withDefaults fills in the defaults. A disabled bound is negative.
func (c Config) withDefaults() Config {
	fill := func(field *bytesize.Size, size bytesize.Size) {
		if *field == 0 {
			*field = size
		}
	}
	fill(&c.Limit, 32*bytesize.MB)
	fill(&c.HeaderLimit, 8*bytesize.KB)
	fill(&c.FieldLimit, bytesize.MB)
	fill(&c.FileLimit, bytesize.Unlimited)
	if c.MaxParts == 0 {
		c.MaxParts = 100
	}
	if c.MaxFiles == 0 {
		c.MaxFiles = 20
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = 30 * time.Second
	}
	return c
}
