"""Slides whose makers place their tiles in ways that only OpenSlide knows.

Room: slides.
"""
