"""The team that finds where a company's spend on language models goes, and how to lower it.

`supervisor` calls the others as agents of their own, each with a typed result (`results`): triage says what is asked and
whether the data is enough for it, data_helper what to bring, data measures, optimization proposes, actions makes a plan of it
and asks for approval, reporting writes. Every call is journaled, so a run that lost its worker goes on at the stage where it
was; what a stage needs comes as its input, so nothing of one run is kept for another.
"""
