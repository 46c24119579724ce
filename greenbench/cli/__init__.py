"""The command line: parses, calls, prints. Every command's module loads when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

import click

from greenbench import __version__
from greenbench.errors import GreenbenchError

COMMANDS: Final = {
    "data": ("greenbench.cli.data:data", "List, fetch and verify the data sets of models."),
    "doctor": ("greenbench.cli.doctor:doctor", "What this host can measure, and how well."),
    "images": ("greenbench.cli.images:images", "Build, list, prune, carry the images of trials."),
    "import": ("greenbench.cli.import_:import_", "Take in measurements made elsewhere."),
    "measure": ("greenbench.cli.measure:measure", "Measure any command with the same meter."),
    "plugins": ("greenbench.cli.plugins:plugins", "List models, operators, meters, executors."),
    "report": ("greenbench.cli.report:report", "Show what a result set says."),
    "results": ("greenbench.cli.results:results", "List, show and export result sets."),
    "suite": ("greenbench.cli.suite:suite", "Check, plan and run suites."),
}


class LazyGroup(click.Group):
    """Loads a command's module only when that command is called: `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """All commands, sorted."""
        return sorted(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        cmd_name: str,
    ) -> click.Command | None:
        """The command, imported now; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from texts that need no import."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="greenbench")
def cli() -> None:
    """What a hyperparameter change costs or saves in energy, and whether the model performs.

    \b
      greenbench suite run suites/quick.toml
      greenbench report
    """


def main(arguments: list[str] | None = None) -> Any:
    """Runs the command line; a user's mistake ends in a message and an exit code."""
    try:
        return cli.main(arguments, standalone_mode=True)
    except GreenbenchError as error:
        click.echo(f"greenbench: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
