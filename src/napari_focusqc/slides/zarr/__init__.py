"""OME-Zarr images as slides.

Room: slides.
"""
