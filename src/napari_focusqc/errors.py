"""Every refusal, one sentence each: what was found, then what would do.

Room: errors. Each class inherits the builtin it is, so callers may catch either; none has an
`__init__` of its own, so all survive pickling between processes.
"""


class FocusQCError(Exception):
    """Base of every refusal of this package; its text is one sentence for the user."""


class SlideNotFoundError(FocusQCError, FileNotFoundError):
    """There is no file or folder at the given path."""


class NotASlideError(FocusQCError, ValueError):
    """The file exists, but no reader knows it as an image."""


class TruncatedSlideError(FocusQCError, EOFError):
    """The file ends before the data that its own directory promises."""


class EmptyLevelError(FocusQCError, ValueError):
    """A level of the slide has a height or width of zero pixels."""


class UnreadableRegionError(FocusQCError, OSError):
    """The compressed pixels of a region cannot be decoded."""


class ClosedSlideError(FocusQCError, ValueError):
    """The slide was closed, and is read again."""


class AssociatedImageError(FocusQCError, LookupError):
    """The picture beside the slide is missing, withheld or cannot be decoded."""


class ColourProfileError(FocusQCError, ValueError):
    """The slide has no colour profile, or a damaged one."""


class RegionError(FocusQCError, IndexError):
    """The region lies outside the slide, or is empty."""


class MissingMppError(FocusQCError, ValueError):
    """The micrometres per pixel are neither in the file nor given."""


class TooCoarseError(FocusQCError, ValueError):
    """The slide has more micrometres per pixel than any weights of the model accept."""


class UnknownModelError(FocusQCError, LookupError):
    """No model has this name."""


class WeightsError(FocusQCError, ValueError):
    """The weights cannot be read, or do not fit the model."""


class CalibrationError(FocusQCError, ValueError):
    """The weights have no calibration, so their scores have no micrometres."""


class DeviceError(FocusQCError, RuntimeError):
    """The asked-for device is not on this machine."""


class InferenceError(FocusQCError, RuntimeError):
    """The network could not be run, for instance on a full GPU."""


class SettingsError(FocusQCError, ValueError):
    """A setting lies outside its range or choices."""


class OutputError(FocusQCError, OSError):
    """The result cannot be written where it was asked for."""


class MapFileError(FocusQCError, ValueError):
    """The file is not a focus map of ours, or is damaged."""


class NucleusFileError(FocusQCError, ValueError):
    """The file is not a table of nuclei of ours, or is damaged."""


class AnnotationError(FocusQCError, ValueError):
    """What somebody marked in an image cannot be read, or does not fit together."""


class StackError(FocusQCError, ValueError):
    """The planes are no stack that can be measured, or too little of it is known."""


class EvaluationError(FocusQCError, ValueError):
    """There is too little to compare, or it does not belong together."""


class TrainingError(FocusQCError, ValueError):
    """The training data or the training folder cannot be used."""


class DownloadError(FocusQCError, ConnectionError):
    """A file could not be fetched, or is not the one that was promised."""


class StoppedError(FocusQCError, InterruptedError):
    """The user stopped the work before it was finished."""
