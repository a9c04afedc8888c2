"""The few fakes there are, for tests of Netra and of what is built on it. Each keeps the promises of what it stands for."""
