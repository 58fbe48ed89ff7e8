"""What napari asks of a slide while a user looks at it; it needs a real canvas."""

PLUGIN = "napari-focusqc"


def test_a_pan_decodes_only_the_tiles_that_come_into_view(
    make_napari_viewer, qtbot, huge_slide, jpeg_decodes
):
    viewer = make_napari_viewer(show=True)
    qtbot.wait(200)
    viewer.open(huge_slide, plugin=PLUGIN)
    qtbot.wait(200)
    assert len(jpeg_decodes) <= 7 * 5  # the coarsest stored level, 1562 × 1093 px
    layer = viewer.layers[0]
    height, width = (side / 256 for side in viewer.canvas.size)
    camera = viewer.scene.camera
    jpeg_decodes.clear()
    camera.zoom, camera.center = 1.0, (0, 50_000, 35_000)
    qtbot.waitUntil(lambda: layer.data_level == 0 and len(jpeg_decodes) > 0)
    qtbot.wait(200)
    assert len(jpeg_decodes) <= (height + 2) * (width + 2)
    jpeg_decodes.clear()
    camera.center = (0, 50_000, 35_000 + 256)
    qtbot.waitUntil(lambda: len(jpeg_decodes) > 0)
    qtbot.wait(200)
    assert len(jpeg_decodes) <= (height + 2) * 2  # one column of tiles, not the view anew
