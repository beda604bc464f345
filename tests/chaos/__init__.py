"""Killing, freezing and starving real processes; a checker says what became of the promises."""
