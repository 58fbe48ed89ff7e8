"""Slides to try things on: one made here, one downloaded when asked for.

Room: slides.
"""
