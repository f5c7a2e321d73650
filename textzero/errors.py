"""The errors that callers catch. Each message says what must hold, what was got and what to do."""


class TextzeroError(Exception):
    """Anything textzero refuses to do; `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(TextzeroError, ValueError):
    """A file, a document or a vector table that cannot be what it claims to be."""

    exit_code = 3


class TokenizerError(InputError):
    """A tokenizer raised, or returned something that is not a list of strings."""


class ResourceError(TextzeroError):
    """Memory, disk or a worker process is gone."""

    exit_code = 4


class OutputExistsError(TextzeroError):
    """The output is already there and holds something else."""

    exit_code = 5
