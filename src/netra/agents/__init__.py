"""What runs: the definition of an agent, what it sees of its run, and the agents that come with Netra."""
