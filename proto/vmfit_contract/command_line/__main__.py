"""Writes what packages install beside a program: manual pages and completions.

python -m vmfit_contract.command_line DIRECTORY vmfit_comparator.cli vmfit_agent.cli

makes DIRECTORY/man1/NAME.1 and the files that shells look for: bash/NAME, zsh/_NAME and
fish/NAME.fish. A module has `PROGRAM`, and `FILES` for the manual.
"""

import importlib
import sys
from pathlib import Path

from vmfit_contract.command_line.completion import completion_script
from vmfit_contract.command_line.man_pages import About, man_pages
from vmfit_contract.command_line.program import Program

_SEE_ALSO = ("virsh(1)",)
_COMPLETIONS = {"bash": "bash/{}", "zsh": "zsh/_{}", "fish": "fish/{}.fish"}


def write_installed_files(directory: Path, module_name: str) -> list[Path]:
    """Write the files of the program that a module has as `PROGRAM`; return their paths."""
    module = importlib.import_module(module_name)
    program: Program = module.PROGRAM
    about = About(module.__version__, module.FILES, _SEE_ALSO)
    pages = man_pages(program.group, program.name, about)
    texts = {f"man1/{name}": page for name, page in pages.items()}
    for shell, place in _COMPLETIONS.items():
        script = completion_script(program.group, program.name, shell)
        texts[place.format(program.name)] = script
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return [directory / name for name in texts]


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m vmfit_contract.command_line DIRECTORY MODULE...")
    for each in sys.argv[2:]:
        write_installed_files(Path(sys.argv[1]), each)
