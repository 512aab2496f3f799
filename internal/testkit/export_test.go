package testkit

// OnFlood has f called, once the end has sent too much, in place of the end of
// the process.
func (c *Link) OnFlood(f func()) { c.out.change(func() { c.out.flooded = f }) }
