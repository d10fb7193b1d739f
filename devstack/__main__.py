"""The commands of `./tsunagu`. Each prints for a person, and ends with 1 and one sentence when it cannot go on.

A command imports what it needs when it runs: half a second of drivers and cryptography would delay even the help.
"""

import errno
import subprocess
import sys
from pathlib import Path

import click

from devstack.benches import BENCHES
from devstack.places import REPOSITORY
from devstack.trouble import Trouble

DEFAULT_PORT = 8080
SUITES = ("unit", "integration", "e2e", "attacks", "browser", "all")


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def tsunagu(context: click.Context) -> None:
    """Tsunagu: a line fault starts bulk forwarding and sends the mails by itself."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@tsunagu.command("help")
@click.argument("command", required=False)
@click.pass_context
def show_help(context: click.Context, command: str | None) -> None:
    """List the commands, or say more about one."""
    found = tsunagu.get_command(context, command) if command else None
    if command and not found:
        raise Trouble(f"There is no command {command}; ./tsunagu help lists them.")
    parent = context.parent or context
    click.echo(found.get_help(click.Context(found, parent, found.name)) if found else parent.get_help())


@tsunagu.command()
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(1, 65_535), help="Of the gateway.")
def up(port: int) -> None:
    """Start everything and keep it running until Ctrl-C."""
    from devstack import up as upping

    upping.up(port)


@tsunagu.command()
@click.option("--storm", type=click.IntRange(min=1), metavar="N", help="Post N line faults and measure instead.")
def demo(storm: int | None) -> None:
    """Show a fault, the forwarding, the mails, the recovery.

    Uses the running stack of this folder, or starts one and stops it again.
    """
    from devstack import demo as road

    road.demonstrate(DEFAULT_PORT, storm)


@tsunagu.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[NAME]...")
@click.option("--lines", type=click.IntRange(min=1), default=None, help="Of a storm.")
@click.option("--rounds", type=click.IntRange(min=1), default=None, help="How often each is measured.")
def bench(names: tuple[str, ...], lines: int | None, rounds: int | None) -> None:
    """Measure, each beside its yardstick in the same run.

    All benches, or those named (README.md has the table). Uses the running stack of this folder, or starts a fresh one
    and stops it again. Results go to .tsunagu/results; the exit code is 1 when one is void.
    """
    from devstack import benching

    sys.exit(1 if benching.run(names, lines or 0, rounds or 0) else 0)


@tsunagu.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="All last results.")
def results(names: tuple[str, ...], everything: bool) -> None:
    """Write docs/results.md again.

    The last results of NAME... come from .tsunagu/results into docs/results first.
    """
    from devstack import resultpage
    from devstack import results as kept

    kept.keep(kept.names() if everything else names)
    resultpage.write()


@tsunagu.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--short", is_flag=True, help="Those that CI runs too.")
@click.option("--all", "everything", is_flag=True, help="All of them; takes about half an hour.")
def chaos(numbers: tuple[int, ...], short: bool, everything: bool) -> None:
    """Do the faults NUMBERS to a stack of their own, and check every promise.

    Without any, list them. The exit code is 1 when a promise is broken. The result is in .tsunagu/results/chaos.json.
    """
    from devstack import suffering

    sys.exit(suffering.run(numbers, short, everything))


@tsunagu.command()
@click.argument("number")
def phone(number: str) -> None:
    """Call from NUMBER to set a temporary password.

    Type keys; `h` hangs up. From a pipe each line is pressed at once. Where open_jtalk is installed, the guidance is
    spoken to WAV files too. The exit code is 1 when no password was set.
    """
    from devstack import telephone

    sys.exit(0 if telephone.call(number) else 1)


@tsunagu.command(context_settings={"ignore_unknown_options": True})
@click.argument("suite", type=click.Choice(SUITES), default="all")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(suite: str, arguments: tuple[str, ...]) -> None:
    """Run tests: unit, integration, e2e, attacks (a part of e2e), browser or all.

    What follows goes to pytest. All that is needed is started, and stopped again.
    """
    from devstack import suites

    sys.exit(suites.run(suite, arguments))


@tsunagu.command()
@click.option("--seeds", default=1_000, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--first", default=0, show_default=True, type=click.IntRange(min=0), help="The first of them.")
@click.option("--seed", type=click.IntRange(min=0), help="Show all that happens in the world of this one.")
def sim(seeds: int, first: int, seed: int | None) -> None:
    """Simulate worlds in which everything breaks.

    The services' own code over engines in memory: crashes, duplicates, other orders, clocks that jump. Each seed is one
    history, the same each time; the exit code is 1 when one breaks an invariant.
    """
    from devstack import simulating

    sys.exit(simulating.seeds(first, seeds) if seed is None else simulating.history(seed))


@tsunagu.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def screenshots(folder: Path) -> None:
    """Write a picture of every page in every state to FOLDER.

    At three widths, in both languages, with and without scripts. They are tested on the way.
    """
    from devstack import suites

    sys.exit(suites.run("browser", ("-k", "at_every_width", "--screenshots", str(folder.resolve()))))


@tsunagu.command()
def check() -> None:
    """Check format, lint, types, imports, libraries, unit and house tests."""
    from devstack import checks

    sys.exit(1 if checks.run() else 0)


@tsunagu.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(file: Path) -> None:
    """Import contracts from FILE (CSV or JSON Lines).

    Refused rows are printed as `line N: code message`; the exit code is then 1.
    """
    from devstack import importing

    sys.exit(1 if importing.import_contracts(file) else 0)


@tsunagu.group("api-key")
def api_key() -> None:
    """Make, list and revoke API keys of the running stack."""


@api_key.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="line-events, calls, ivr, faxes, operator.")
def create_key(name: str, scopes: tuple[str, ...]) -> None:
    """Make a key and print it, alone, this once."""
    from devstack import operating

    click.echo(operating.create_key(name, scopes))


@api_key.command("list")
def list_keys() -> None:
    """List keys: id, name, scopes, when last seen."""
    from devstack import operating

    for row in operating.key_rows():
        click.echo("\t".join(row))


@api_key.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke_key(key_id: str) -> None:
    """Revoke the key of this ID."""
    from devstack import operating

    operating.revoke_key(key_id)


@tsunagu.command("rotate-keys")
def rotate_keys() -> None:
    """Sign tokens with a new key from now on.

    Nobody is logged out: the old public key stays published until the rotation after this one.
    """
    from devstack import operating

    sys.exit(operating.service_command("auth", "token-key", "rotate"))


@tsunagu.command()
@click.argument("service")
def replay(service: str) -> None:
    """Handle the dead letters of SERVICE again."""
    from devstack import operating

    sys.exit(operating.service_command(service, "replay"))


@tsunagu.command()
@click.argument("service")
@click.argument("view")
def rebuild(service: str, view: str) -> None:
    """Build VIEW of SERVICE again from its events.

    The old one is read until the new one is complete.
    """
    from devstack import operating

    sys.exit(operating.service_command(service, "rebuild", view))


@tsunagu.command()
def images() -> None:
    """Show how large each image is and how fast it starts.

    Builds the images and starts all of them, beside whatever runs here; needs a Docker engine.
    """
    from devstack import images as imaging

    imaging.show()


@tsunagu.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
def sbom(file: Path | None) -> None:
    """Write the list of all libraries (CycloneDX, JSON).

    To FILE, or to .tsunagu/sbom.json. It is made of requirements.lock alone and needs no network.
    """
    from devstack import materials

    target = file or materials.DOCUMENT
    click.echo(f"{materials.write(target)} libraries in {target}")


@tsunagu.command()
def docs() -> None:
    """Write the reference of events again from contracts/."""
    sys.exit(subprocess.run([sys.executable, "-m", "contracts.document"], cwd=REPOSITORY, check=False).returncode)


def main() -> int:
    """The exit status. What a person can do something about is one sentence on the error output."""
    try:
        tsunagu(prog_name="./tsunagu")
    except Trouble as trouble:
        return _fail(str(trouble))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EACCES, errno.EDQUOT):
            raise
        return _fail(f"{error.filename or 'A file'} cannot be written: {error.strerror}.")
    return 0


def _fail(sentence: str) -> int:
    click.echo(f"tsunagu: {sentence}", err=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
