"""Errors for people: what was wrong, where, and what to do about it."""

from __future__ import annotations


class GreenbenchError(Exception):
    """Base of every error shown without a traceback. `remedy` says what to do."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class UsageError(GreenbenchError):
    """The command line, or a file it names, can't be used."""

    exit_code = 2


class SuiteError(UsageError):
    """A suite file is wrong; carries every problem found, each with its dotted key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PluginError(GreenbenchError):
    """A plugin that a suite needs is missing or broken."""

    exit_code = 4


class ExecutorError(GreenbenchError):
    """Trials can't be run: no engine, no image, no GPU."""

    exit_code = 5


class EnergyError(GreenbenchError):
    """A sensor can't be read, or no meter is there where one was demanded."""

    exit_code = 6


class ResultsError(GreenbenchError):
    """A result set can't be found, read, written or resumed."""

    exit_code = 7


class DataError(GreenbenchError):
    """A data set is not there, can't be fetched, or is not what it was."""

    exit_code = 9


class BusyError(GreenbenchError):
    """Another suite measures on this host."""

    exit_code = 10
