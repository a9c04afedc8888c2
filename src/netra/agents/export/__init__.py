"""A stored report as a file: Markdown, one page of HTML, or PDF, each made of the same parts, charts drawn in one place."""
