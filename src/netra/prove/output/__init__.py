"""How a verdict is shown: live and in the end on a terminal, as JSON, as JUnit XML, as one page of HTML."""
