package pattern

import ("testing";"os";"strings";"net/url")

func BenchmarkTmp(b *testing.B) {
	for _, name := range []string{"github","parse","gplus","static"} {
	raw, _ := os.ReadFile("../bench/pattern/testdata/"+name+".txt")
	routes := map[string]*int{}
	var paths []string
	var urls []*url.URL
	for l := range strings.Lines(string(raw)) {
		_, p, _ := strings.Cut(strings.TrimSpace(l), " ")
		routes[p] = new(int)
		q := strings.NewReplacer("[...", "", "[",":","]","").Replace(p)
		paths = append(paths, q)
		urls = append(urls, &url.URL{Path:q})
	}
	t, err := NewTable(routes)
	if err != nil { b.Fatal(err) }
	for _, k := range []int{3, 5, 9, 12} { if k < len(paths) { p := paths[k]
	b.Run(name+"/one"+strings.ReplaceAll(p,"/","_"), func(b *testing.B){ for b.Loop() { l, _ := t.route(p, false); _ = l } }) 
	b.Run(name+"/seg"+strings.ReplaceAll(p,"/","_"), func(b *testing.B){ for b.Loop() { for i:=1; i<len(p); { j, _ := segmentKey(p, i); i = j+1 } } }) 
	}}
	b.Run(name+"/walk", func(b *testing.B){ for b.Loop() { for _, p := range paths { l, _ := t.route(p, false); _ = l } } })
	b.Run(name+"/match", func(b *testing.B){ for b.Loop() { for _, p := range paths { l, _, _ := t.match(p, true, false); _ = l } } })
	b.Run(name+"/URL", func(b *testing.B){ for b.Loop() { for _, u := range urls { m, _ := t.MatchURL(u); _ = m.Value } } })
	b.Run(name+"/seg", func(b *testing.B){ for b.Loop() { for _, p := range paths { for i:=1; i<len(p); { j, _ := segmentKey(p, i); i = j+1 } } } })
	}
}
