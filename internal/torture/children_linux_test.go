package torture_test

// children are what a child can be told to do, by name.
func children() map[string]func() error {
	return map[string]func() error{
		"disk":        sufferDisk,
		"descriptors": sufferDescriptors,
	}
}
