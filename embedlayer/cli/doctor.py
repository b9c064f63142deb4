"""The command that looks at the machine: doctor."""

from typing import Any

import click

from embedlayer.cli.findings import examine
from embedlayer.cli.help import Documented
from embedlayer.cli.output import json_option, print_json, print_table, show_bytes
from embedlayer.errors import EmbedlayerError


@click.command(cls=Documented, short_help="What runs here, and whether training works.")
@json_option
def doctor(as_json: bool) -> None:
    """What runs here: versions, devices, backend, kernels; and whether training works.

    Examples:
        embedlayer doctor
        EMBEDLAYER_BACKEND=cupy embedlayer doctor --json
    """
    found = examine()
    if as_json:
        print_json(found)
    else:
        print_table(_rows(found))
    if found["problem"]:
        raise EmbedlayerError(found["problem"])


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    packages = ", ".join(f"{name} {found}" for name, found in found["packages"].items())
    devices = [
        f"{device['name']}, {show_bytes(device['memory_bytes'])}, "
        f"compute capability {device['compute_capability']}"
        for device in found["devices"]
    ]
    rows = [
        ("embedlayer", found["embedlayer"]),
        ("python", f"{found['python']}, {found['platform']}"),
        ("packages", packages),
        ("cupy", found["cupy"] or "not installed"),
        *(("device", device) for device in devices or ["no GPU"]),
        ("cores", str(found["cores"])),
        *found["environment"].items(),
        ("cache", f"{found['cache']}, {show_bytes(found['cache_bytes'])}"),
    ]
    if found["problem"]:
        return [*rows, ("training", "cannot work")]
    seconds = f"{found['kernels_seconds']:.1f} s"
    memory = found["memory"]
    room = f"; there is room for {show_bytes(memory['room_bytes'])}"
    return [
        *rows,
        ("backend", f"{found['backend']} ({found['backend_chosen_by']})"),
        ("kernels", f"{found['kernels']} ({found['kernels_file']})"),
        ("compiled", f"{found['kernels_ready']}, kept in {found['kernels_kept_in']}"),
        (
            "memory",
            f"of {memory['words']:,} words and {memory['tokens']:,} tokens: {memory['plan']}{room}",
        ),
        ("training", f"works: a few words in {seconds}, kernels included"),
    ]
