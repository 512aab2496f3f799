package bind_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
)

// A decimal is like those of money libraries: all fields are unexported, it is
// read from text and from JSON, and it has a text.
type decimal struct {
	value *big.Int
	exp   int32
}

func (d *decimal) UnmarshalText(text []byte) error {
	whole, fraction, _ := strings.Cut(string(text), ".")
	value, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return errors.New("no number")
	}
	*d = decimal{value, -int32(len(fraction))}
	return nil
}

func (d *decimal) UnmarshalJSON(text []byte) error {
	return d.UnmarshalText([]byte(strings.Trim(string(text), `"`)))
}

func (d decimal) String() string {
	if d.value == nil {
		return "0"
	}
	text := d.value.String()
	if d.exp < 0 {
		text = text[:len(text)+int(d.exp)] + "." + text[len(text)+int(d.exp):]
	}
	return text
}

// A nullString is like the nullable columns of database libraries.
type nullString struct {
	String string
	Valid  bool
}

func (s *nullString) UnmarshalJSON(text []byte) error {
	s.Valid = string(text) != "null"
	return json.Unmarshal(text, &s.String)
}

// A mongoID has hexadecimal text, and its method has another.
type mongoID [12]byte

func (id *mongoID) UnmarshalText(text []byte) error {
	if len(text) != 24 {
		return errors.New("no ID")
	}
	copy(id[:], text)
	return nil
}

func (id mongoID) String() string { return "ObjectID(" + string(id[:]) + ")" }

// A uuid prints the text that it was read from.
type uuid [16]byte

func (id *uuid) UnmarshalText(text []byte) error {
	n, ok := new(big.Int).SetString(strings.ReplaceAll(string(text), "-", ""), 16)
	if !ok || len(text) != 36 {
		return errors.New("no UUID")
	}
	n.FillBytes(id[:])
	return nil
}

func (id uuid) String() string {
	hex := new(big.Int).SetBytes(append([]byte{1}, id[:]...)).Text(16)[1:]
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
}
