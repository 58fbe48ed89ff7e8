"""The command `focusqc`: arguments in, text and exit codes out.

Room: cli. The only room that prints. One module per command; `commands` declares them all.
"""

from napari_focusqc.cli.commands import main

__all__ = ["main"]
