package testkit

// OnFlood has f called, after the end has sent too much, instead of ending the process.
func (c *Link) OnFlood(f func()) { c.out.change(func() { c.out.flooded = f }) }
