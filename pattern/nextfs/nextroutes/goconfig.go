package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/pattern/nextfs"
)

// config returns the fields of the middleware.Config for the settings of a file,
// and a line for each setting without a field.
func (f *goFile) config(r nextfs.Route) (fields string, left []string) {
	c := goConfig{file: f}
	for _, s := range r.Config {
		why := ""
		switch {
		case s.Unknown != "":
			why = "cannot be read: " + s.Unknown
		case r.Pages && s.Name == "api.bodyParser":
			why = c.bodyParser(s.Value)
		case r.Pages && s.Name == "api.bodyParser.sizeLimit":
			why = c.sizeLimit(s.Value)
		case r.Pages && s.Name == "api.responseLimit":
			why = c.responseLimit(s.Value)
		case r.Pages && s.Name == "api.externalResolver":
			why = c.externalResolver(s.Value)
		case s.Name == "maxDuration":
			why = c.maxDuration(s.Value)
		default:
			why = without(s)
		}
		switch {
		case why == "":
		case s.Unknown != "":
			left = append(left, s.Name+" "+why)
		default:
			left = append(left, fmt.Sprintf("%s: %s %s", s.Name, quoted(s.Value), why))
		}
	}
	if c.parser != "" {
		f.imports[module+"/bodyparser"] = true
		c.parser = "BodyParser: bodyparser.Config{" + c.parser + "}"
	}
	all := slices.DeleteFunc([]string{c.parser, c.limit, c.duration, c.warn}, func(field string) bool { return field == "" })
	if len(all) > 1 {
		return "\n" + strings.Join(all, ",\n") + ",\n", left
	}
	return strings.Join(all, ""), left
}

// without explains a setting without a field. Some are always in effect.
func without(s nextfs.Setting) string {
	const cached = "may be a cache.Cache in front of GET"
	switch s.Name {
	case "supportsResponseStreaming":
		return ""
	case "runtime":
		if s.Value == "nodejs" {
			return ""
		}
	case "dynamic":
		if s.Value == "auto" || s.Value == "force-dynamic" {
			return ""
		}
		return cached
	case "revalidate":
		if s.Value == false || s.Value == 0.0 {
			return ""
		}
		return cached
	}
	return "has no counterpart"
}

// A goConfig is a middleware.Config as Go code. Its methods return why a value is
// not carried over.
type goConfig struct {
	file                          *goFile
	parser, limit, duration, warn string // its fields, "" where they are left out
}

func (c *goConfig) bodyParser(v any) string {
	switch v {
	case false:
		c.parser = "Raw: true"
	case true:
	default:
		return "is neither true nor false"
	}
	return ""
}

func (c *goConfig) sizeLimit(v any) string {
	size, why := c.size(v)
	switch {
	case why != "":
		return why
	case v == 0.0: // the default
	case size == 0:
		return "lets no body pass, which a Limit cannot say"
	default:
		c.parser = "Limit: " + c.sizeOf(size)
	}
	return ""
}

func (c *goConfig) responseLimit(v any) string {
	if v == true {
		return "" // the default
	}
	size, why := bytesize.Unlimited, ""
	if v != false && v != 0.0 { // both disable it
		size, why = c.size(v)
	}
	switch {
	case why != "":
		return why
	case size == 0:
		return "warns of every response, which a ResponseLimit cannot say"
	}
	c.limit = "ResponseLimit: " + c.sizeOf(size)
	return ""
}

func (c *goConfig) externalResolver(v any) string {
	external, ok := v.(bool)
	if !ok {
		return "is neither true nor false"
	}
	c.warn = fmt.Sprintf("WarnUnresolved: %t", !external)
	return ""
}

// maxDuration reads seconds.
func (c *goConfig) maxDuration(v any) string {
	n, ok := v.(float64)
	d := time.Duration(n * float64(time.Second))
	if !ok || !(n >= 0.001 && n < math.MaxInt64/float64(time.Second)) {
		return "is no time that a MaxDuration could have"
	}
	c.file.imports["time"] = true
	if d%time.Second == 0 {
		c.duration = fmt.Sprintf("MaxDuration: %d * time.Second", d/time.Second)
	} else {
		c.duration = fmt.Sprintf("MaxDuration: %d * time.Millisecond", d/time.Millisecond)
	}
	return ""
}

// size reads a size as Next.js does, or returns why it cannot.
func (c *goConfig) size(v any) (bytesize.Size, string) {
	switch v := v.(type) {
	case float64:
		if v >= 0 && v < math.MaxInt64 {
			return bytesize.Size(v), ""
		}
	case string:
		size, err := bytesize.Parse(v)
		if err == nil && size >= 0 {
			return size, ""
		}
		if err != nil {
			return 0, "is no size here: " + strings.TrimPrefix(err.Error(), "bytesize: ")
		}
	}
	return 0, "is no size"
}

// sizeOf returns a size in the largest unit that divides it.
func (c *goConfig) sizeOf(size bytesize.Size) string {
	if size < 0 {
		c.file.imports[module+"/bytesize"] = true
		return "bytesize.Unlimited"
	}
	for _, u := range []struct {
		size bytesize.Size
		name string
	}{{bytesize.GB, "GB"}, {bytesize.MB, "MB"}, {bytesize.KB, "KB"}} {
		if size%u.size == 0 {
			c.file.imports[module+"/bytesize"] = true
			return fmt.Sprintf("%d * bytesize.%s", size/u.size, u.name)
		}
	}
	return fmt.Sprint(int64(size))
}
