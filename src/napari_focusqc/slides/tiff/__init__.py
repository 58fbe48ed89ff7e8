"""TIFF slides: laid out with tifffile, then read tile by tile with imagecodecs.

Room: slides.
"""
