package cookies

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Draft is draft mode, in which an editor sees unpublished content: one route,
// protected by the editor's login or a secret of the CMS, enables it, and from then
// on handlers check Enabled and show drafts. Preview data are a few fields for
// those handlers, such as the revision to show.
//
// Two cookies carry it. The first says that draft mode is on, the second holds the
// preview data. Both are sealed, as by a [Sealer]; a browser without the first, or
// with either of them damaged, is not in draft mode.
//
// Caches must not store a response with drafts: send Cache-Control: private,
// no-store. A cache in front of the handler must be bypassed too, or the editor
// gets the cached response.
//
// A Draft is safe for concurrent use.
//
// Next.js: res.setDraftMode, res.setPreviewData, req.draftMode, req.previewData.
type Draft struct {
	cfg    DraftConfig
	sealer *Sealer
}

// DraftConfig configures a [Draft].
type DraftConfig struct {
	// Keys protect the cookies: the first seals, all open. At least one is
	// required, each of 32 or more random bytes. Next.js makes a key per build,
	// which ends draft mode with each deployment; here it ends when its key is
	// removed.
	Keys [][]byte
	// Insecure omits Secure and writes SameSite=Lax, for development over plain
	// http, as Next.js does in development. Otherwise the cookies are Secure
	// and SameSite=None, so that they work in a frame of a CMS on another site.
	Insecure bool
	// Path is the path of both cookies; "" is "/". Next.js: options.path.
	Path string
	// Name and DataName are the names of the two cookies; "" is that of
	// Next.js: __prerender_bypass and __next_preview_data.
	Name, DataName string
}

// maxPreview is the maximum size of the sealed preview data, in octets; Next.js
// has the same limit.
const maxPreview = 2048

func (cfg DraftConfig) withDefaults() DraftConfig {
	if cfg.Path == "" {
		cfg.Path = "/"
	}
	if cfg.Name == "" {
		cfg.Name = "__prerender_bypass"
	}
	if cfg.DataName == "" {
		cfg.DataName = "__next_preview_data"
	}
	return cfg
}

// Validate reports every setting that [NewDraft] would refuse, as an error that
// names each, or nil.
func (cfg DraftConfig) Validate() error {
	cfg = cfg.withDefaults()
	errs := []error{checkKeys(cfg.Keys)}
	for _, name := range []string{cfg.Name, cfg.DataName} {
		errs = append(errs, validate(cfg.cookie(name, 0)))
	}
	if cfg.Name == cfg.DataName {
		errs = append(errs, fmt.Errorf("cookies: both draft cookies are named %q", cfg.Name))
	}
	return errors.Join(errs...)
}

// cookie returns a draft cookie without its value.
func (cfg DraftConfig) cookie(name string, maxAge time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name:     name,
		Path:     cfg.Path,
		MaxAge:   int(maxAge / time.Second),
		HttpOnly: true,
		Secure:   true,
		SameSite: http.SameSiteNoneMode,
	}
	if cfg.Insecure {
		c.Secure, c.SameSite = false, http.SameSiteLaxMode
	}
	return c
}

// NewDraft returns a Draft with the configuration. It panics with the error of
// [DraftConfig.Validate].
func NewDraft(cfg DraftConfig) *Draft {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	sealer := newSealer("apiece draft mode", cfg.Keys)
	cfg.Keys = nil
	return &Draft{cfg: cfg.withDefaults(), sealer: sealer}
}

// Enable switches draft mode on for the browser that sent r, for maxAge or, if
// maxAge is 0, until the browser closes. Existing preview data stay, but are
// deleted if they do not open, since they would keep draft mode off.
//
// Next.js: res.setDraftMode({enable: true}).
func (d *Draft) Enable(w http.ResponseWriter, r *http.Request, maxAge time.Duration) error {
	if err := d.set(w, d.cfg.Name, "", maxAge); err != nil {
		return err
	}
	if _, valid := d.data(r); !valid && !d.setsData(w) {
		return Delete(w, d.cfg.cookie(d.cfg.DataName, 0))
	}
	return nil
}

// setsData reports whether the response stores preview data already.
func (d *Draft) setsData(w http.ResponseWriter) bool {
	return slices.ContainsFunc(w.Header()["Set-Cookie"], func(line string) bool {
		return strings.HasPrefix(line, d.cfg.DataName+"=")
	})
}

// SetPreview switches draft mode on like Enable and stores data, as JSON, for
// [Draft.Preview]. Sealed data may take 2048 octets, enough for 1500 bytes of
// JSON; more is an [*Error] and sets nothing.
//
// Next.js: res.setPreviewData(data, {maxAge}), with maxAge in seconds.
func (d *Draft) SetPreview(w http.ResponseWriter, data any, maxAge time.Duration) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("cookies: preview data: %w", err)
	}
	if n := sealedLen(len(text)); n > maxPreview {
		return &Error{d.cfg.DataName, "Value", fmt.Sprintf("takes %d octets sealed, want at most %d", n, maxPreview)}
	}
	if err := d.set(w, d.cfg.DataName, string(text), maxAge); err != nil {
		return err
	}
	return d.set(w, d.cfg.Name, "", maxAge)
}

// Disable switches draft mode off and deletes the preview data. A second call
// for the same response has no effect.
//
// Next.js: res.setDraftMode({enable: false}), res.clearPreviewData().
func (d *Draft) Disable(w http.ResponseWriter) error {
	if err := Delete(w, d.cfg.cookie(d.cfg.Name, 0)); err != nil {
		return err
	}
	return Delete(w, d.cfg.cookie(d.cfg.DataName, 0))
}

// Enabled reports whether the request is in draft mode. Unlike Next.js it does not
// clear cookies that do not open: that would put Set-Cookie on responses that caches
// may store.
//
// Next.js: req.draftMode, req.preview.
func (d *Draft) Enabled(r *http.Request) bool {
	_, on := d.sealer.Lookup(r, d.cfg.Name)
	if !on {
		return false
	}
	_, valid := d.data(r)
	return valid
}

// Preview stores the preview data of the request in the value that into points
// to, and reports whether there were any. Outside draft mode there are none. The
// error is that of json.Unmarshal for data that do not fit.
//
// Next.js: req.previewData, which is {} in draft mode without data.
func (d *Draft) Preview(r *http.Request, into any) (bool, error) {
	if !d.Enabled(r) {
		return false, nil
	}
	text, _ := d.data(r)
	if text == "" {
		return false, nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return false, fmt.Errorf("cookies: preview data: %w", err)
	}
	return true, nil
}

// data returns the preview data, "" if there are none, and reports whether they
// are valid. Absent data are valid.
func (d *Draft) data(r *http.Request) (text string, valid bool) {
	if _, present := Lookup(r, d.cfg.DataName); !present {
		return "", true
	}
	return d.sealer.Lookup(r, d.cfg.DataName)
}

func (d *Draft) set(w http.ResponseWriter, name, text string, maxAge time.Duration) error {
	if maxAge != 0 && maxAge < time.Second {
		return &Error{name, "MaxAge", fmt.Sprintf("is %v, want 0 or at least a second", maxAge)}
	}
	c := d.cfg.cookie(name, maxAge)
	c.Value = text
	return d.sealer.Set(w, c)
}
