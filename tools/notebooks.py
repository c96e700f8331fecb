"""Run notebooks afresh and store them as the tests want them.

    python tools/notebooks.py notebooks/*.ipynb          run from top to bottom in a new kernel, trim, store
    python tools/notebooks.py --check notebooks/*.ipynb  only say what is not as it should be

A notebook is stored with execution counts 1 to n, cell ids made from the cells' sources, the kernel's name and our tags
as its only metadata, and outputs that a second run repeats: no progress bars, no warnings, no addresses of objects.
"""

import argparse
import hashlib
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

import vae_lesson  # noqa: F401  (sets the environment that kernels inherit)

TAGS = {"raises-exception", "hide-input"}
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
VARIES = re.compile(r" at 0x[0-9a-f]+|/(?:root|home|tmp|work|Users)/|\d+%\|")


def run(notebook: NotebookNode, folder: Path) -> None:
    """Execute every cell in a new kernel that works in folder; an error in a cell is raised."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", store_widget_state=False, resources=where).execute()


def trim(notebook: NotebookNode) -> None:
    """Keep what the tests compare and the reader sees, in one form."""
    notebook.metadata = nbformat.from_dict(METADATA)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if tag in TAGS]
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET, None)  # the kernel that it belongs to is gone
                output.pop("metadata", None) if output.output_type == "stream" else output.update(metadata=kept(output))


def kept(output: NotebookNode) -> dict:
    """Of an output's metadata, the image's alt text."""
    image = output.get("metadata", {}).get("image/png", {})
    return {"image/png": {"alt": image["alt"]}} if "alt" in image else {}


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs with what one stream wrote in pieces, as it came, put together."""
    whole: list[NotebookNode] = []
    for output in outputs:
        if whole and output.output_type == whole[-1].output_type == "stream" and output.name == whole[-1].name:
            whole[-1] = nbformat.from_dict({**whole[-1], "text": whole[-1].text + output.text})
        else:
            whole.append(output)
    return whole


def problems(notebook: NotebookNode) -> list[str]:
    """What keeps a stored notebook from being a regression test, in plain words; empty when it is one."""
    found = []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("execution counts are not 1 to n: run it with this tool")
    if not any(output.output_type != "error" and is_text(output) for cell in code for output in cell.outputs):
        found.append("no output is compared")
    copy = nbformat.from_dict(notebook)
    trim(copy)
    if copy != notebook:
        found.append("it is not as this tool stores it")
    for number, cell in enumerate(code, 1):
        if cell.source.rstrip().endswith(";"):
            found.append(f"code cell {number} ends with a semicolon")
        for output in cell.outputs:
            if output.get("name") == "stderr":
                found.append(f"code cell {number} wrote to stderr")
            if "image/png" in output.get("data", {}) and len(kept(output).get("image/png", {}).get("alt", "")) < 20:
                found.append(f"code cell {number} shows an image without alt text")
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                found.append(f"code cell {number} failed")
            if VARIES.search(str([output.get("text"), output.get("data", {}).get("text/plain")])):
                found.append(f"code cell {number} shows a path, an object's address or a progress bar")
    return found


def is_text(output: NotebookNode) -> bool:
    """Whether nbval compares the output: printed text or the text of a result."""
    return output.output_type == "stream" or "text/plain" in output.get("data", {})


def main() -> int:
    """Run or check the notebooks named; the exit code is 1 if one is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    bad = 0
    for path in arguments.notebooks:
        notebook = nbformat.read(path, as_version=4)
        if not arguments.check:
            run(notebook, path.parent)
            trim(notebook)
            nbformat.write(notebook, path)
        found = problems(notebook)
        bad += bool(found)
        print(f"{path}: {'; '.join(found) or 'good'}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
