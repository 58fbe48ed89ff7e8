"""The models there are, one card each, and whose papers they come from.

Room: models. A plain table.
"""

from dataclasses import replace

from napari_focusqc.models.card import ModelCard

WANG_2020 = (
    "Wang Z., Hosseini M.S., Miles A., Plataniotis K.N., Wang Z.: FocusLiteNN: High efficiency "
    "focus quality assessment for digital pathology. MICCAI 2020"
)

FOCUSLITENN = ModelCard(
    name="focuslitenn",
    title="FocusLiteNN (default)",
    network="focuslitenn",
    tile_px=235,
    stride_px=128,
    mpp=0.25,
    output="One number per tile, higher is more out of focus; the weights' card gives its scale.",
    cite=WANG_2020,
    light=True,
)

KOHLBERGER_2019 = (
    "Kohlberger T., Liu Y., Moran M., Chen P.-H.C., Brown T., Hipp J.D., Mermel C.H., Stumpe M.C.: "
    "Whole-slide image focus quality: Automatic assessment and impact on AI cancer detection. "
    "J Pathol Inform 10, 2019"
)

CONVFOCUS = ModelCard(
    name="convfocus",
    title="ConvFocus",
    network="convfocus",
    tile_px=139,
    stride_px=128,
    mpp=0.25,
    output="The expected out-of-focus class, 0 (in focus) to 29.",
    cite=KOHLBERGER_2019,
)

SENARAS_2018 = (
    "Senaras C., Niazi M.K.K., Lozanski G., Gurcan M.N.: DeepFocus: Detection of out-of-focus "
    "regions in whole slide digital images using deep learning. PLoS ONE 13(10): e0205387, 2018"
)

DEEPFOCUS = ModelCard(
    name="deepfocus",
    title="DeepFocus",
    network="deepfocus",
    tile_px=64,
    stride_px=64,
    mpp=0.25,
    output="The probability that the tile is blurred, 0 to 1.",
    cite=SENARAS_2018,
    scale=(0.0, 1.0),
    threshold=0.5,
)
"""The paper scans at 0.2461 µm/px."""

XING_2019 = (
    "Xing F., Xie Y., Shi X., Chen P., Zhang Z., Yang L.: Towards pixel-to-pixel deep nucleus "
    "detection in microscopy images. BMC Bioinformatics 20:472, 2019"
)

MICRONET = ModelCard(
    name="micronet",
    title="MicroNet",
    network="micronet",
    tile_px=245,
    stride_px=1,
    mpp=0.25,
    output="How near each pixel is to the centre of a nucleus, 0 to about 1.",
    cite=XING_2019,
    finds="nuclei",
)

DASTIDAR_2019 = (
    "Rai Dastidar T.: Automated focus distance estimation for digital microscopy using deep "
    "convolutional neural networks. CVPR Workshops 2019"
)

FOCUS_DISTANCE = ModelCard(
    name="focus-distance",
    title="Focus distance (default)",
    network="focus_distance",
    tile_px=112,
    stride_px=112,
    mpp=0.25,
    output="The stage travel from the second plane to focus, µm; positive moves up.",
    cite=DASTIDAR_2019,
    finds="distance",
)
"""The paper gives no µm/px. Tiles are as large as the card of the weights says."""

CARDS = {
    card.name: card
    for card in (
        FOCUSLITENN,
        *(
            replace(
                FOCUSLITENN,
                name=f"focuslitenn-{kernels}",
                title=f"FocusLiteNN, {kernels} kernel{'s' if kernels > 1 else ''}",
                fixed=("kernels", kernels),
            )
            for kernels in (1, 2, 10)
        ),
        CONVFOCUS,
        *(
            replace(CONVFOCUS, name=f"convfocus-{cut}", title=title, fixed=("cut", cut))
            for cut, title in (
                ("3a", "ConvFocus, the paper's cut"),
                ("5a", "ConvFocus, two convolutions more"),
            )
        ),
        DEEPFOCUS,
        MICRONET,
        replace(
            MICRONET,
            name="micronet-noncommercial",
            title="MicroNet, also trained on non-commercial annotations",
        ),
        FOCUS_DISTANCE,
        *(
            replace(
                FOCUS_DISTANCE,
                name=f"focus-distance-{side}",
                title=f"Focus distance, tiles of {side} px",
                tile_px=side,
                stride_px=side,
                fixed=("input_px", side),
            )
            for side in (112, 224)
        ),
        replace(
            FOCUS_DISTANCE,
            name="focus-distance-one-plane",
            title="Focus distance from one plane, for comparison",
            fixed=("difference", False),
        ),
    )
}
