"""How a report is shown: a few lines for a terminal, Markdown, one page of HTML. Each is a pure function."""
