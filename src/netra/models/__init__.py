"""The language model behind a run: asked for words and choices, never for numbers; counted; and never the end of a run."""
