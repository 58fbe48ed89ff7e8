"""Whole slides: one contract (`slide.py`) over every format that can be read.

Room: slides. The only room, with results, that knows file formats and compressions.
"""
