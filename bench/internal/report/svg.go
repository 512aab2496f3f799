package report

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// A picture is an SVG document. It is as narrow as a phone, which then does not shrink
// its text: 16 of 468 are 13 px on a screen of 390 px, and 12 px within the margins of
// a page there.
type picture struct {
	out strings.Builder
	y   float64 // where the next line is
}

const (
	width    = 468.0
	fontSize = 16.0
	row      = 22.0
	margin   = 10.0
)

// style has the colors for light and for dark, both on a ground of their own: a page
// may be dark where the system is light. Those of lines tell apart what is red and
// green for readers who do not see these.
const style = `text{font:16px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.b{font-weight:600}.d{fill:#59636e}.e{text-anchor:end}.m{text-anchor:middle}.c{fill:currentColor}
.ground{fill:#fff}.grid{stroke:#d1d9e0}.spread{stroke:#1f2328;stroke-opacity:.6}
.kit{fill:#0969da}.rival{fill:#9ea7b0}.floor{fill:none;stroke:#818b98;stroke-dasharray:4 3}
polyline{fill:none;stroke:currentColor;stroke-width:1.6}circle{fill:currentColor}
.k{stroke-width:3.2}.f{stroke-dasharray:5 4}
.kit0{color:#0969da}.kit1{color:#0a3069}.kit2{color:#5a7fc7}.floor0{color:#59636e}
.rival0{color:#bc4c00}.rival1{color:#117a65}.rival2{color:#bf3989}.rival3{color:#8a6100}.rival4{color:#6f42c1}.rival5{color:#7a4a32}.rival6{color:#3d6d78}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.d{fill:#9198a1}.c{fill:currentColor}
.ground{fill:#0d1117}.grid{stroke:#3d444d}.spread{stroke:#f0f6fc}
.kit{fill:#4493f8}.rival{fill:#656c76}.floor{stroke:#9198a1}
.kit0{color:#4493f8}.kit1{color:#a5d6ff}.kit2{color:#7d9fdc}.floor0{color:#9198a1}
.rival0{color:#f0883e}.rival1{color:#3fc1a5}.rival2{color:#f778ba}.rival3{color:#d9a520}.rival4{color:#b392f0}.rival5{color:#c79a83}.rival6{color:#86b6c2}}`

func (p *picture) add(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

// text writes at a baseline; class says how.
func (p *picture) text(class string, x, y float64, s string) {
	p.add(`<text class="%s" x="%.0f" y="%.0f">%s</text>`, class, x, y, html.EscapeString(s))
}

// lines writes a text in as many lines as it takes.
func (p *picture) lines(class, s string) {
	line := ""
	for _, word := range append(strings.Fields(s), "") {
		longer := strings.TrimSpace(line + " " + word)
		if word == "" || textWidth(longer) > width-2*margin {
			p.y += row
			p.text(class, margin, p.y-6, line)
			longer = word
		}
		line = longer
	}
}

// svg is the whole document. The title is for readers who do not see it.
func (p *picture) svg(title string) []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %[1]g %.0[2]f" role="img">
<title>%s</title>
<style>%s</style>
<rect class="ground" width="100%%" height="100%%" rx="6"/>
%s</svg>
`, width, p.y+margin, html.EscapeString(title), style, p.out.String())
}

// textWidth is what a text takes in a wide font, DejaVu Sans Bold.
func textWidth(s string) (w float64) {
	for _, r := range s {
		switch {
		case strings.ContainsRune(" .,:;'|!()[]/iljtfrI-", r):
			w += 0.42
		case strings.ContainsRune("mwMW", r):
			w += 1
		case r >= 'A' && r <= 'Z':
			w += 0.77
		default:
			w += 0.68
		}
	}
	return w * fontSize
}

func widest(texts []string) float64 {
	widths := []float64{0}
	for _, s := range texts {
		widths = append(widths, textWidth(s))
	}
	return slices.Max(widths)
}
