package torture_test

// children are the tasks of child processes, by name.
func children() map[string]func() error {
	return map[string]func() error{
		"disk":        sufferDisk,
		"descriptors": sufferDescriptors,
	}
}
