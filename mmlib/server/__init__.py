"""The dashboard as one command: Voilà on the notebooks, a small cluster beside it, one address to open."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from mmlib.errors import InputError

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
"""The pages: one notebook each."""

PORTS_TRIED = 20
"""How many ports above the wanted one are tried."""

ANSWER_S = 2.0
"""How long a scheduler has to answer before its absence is said."""

Say = Callable[[str], None]


def serve(
    *,
    port: int = 8866,
    host: str = "127.0.0.1",
    browser: bool = True,
    data: str | Path | None = None,
    scheduler: str | None = None,
    say: Say = print,
) -> None:
    """Run the dashboard until Ctrl-C; print its address in one line.

    Args:
        port: where to listen; if it is taken, the next free one is used and said.
        host: the address to listen on; 127.0.0.1 is this computer only, 0.0.0.0 the whole network.
        browser: whether to open a browser window.
        data: the folder with the user's stacks, to which uploads go too; None takes MMLIB_DATA, else a folder of ours.
        scheduler: address of a Dask scheduler for the jobs; None starts two workers on this computer.
        say: told each line that the user should read.

    Raises:
        InputError: if no port is free, the host is not of this computer, the data folder is not a folder, or the
            scheduler is named in another way.
    """
    from mmlib.server.cluster import Cluster
    from mmlib.server.voila import build

    if not (NOTEBOOKS / "index.ipynb").is_file():
        raise InputError(f"the pages were expected in {NOTEBOOKS} and are not there; install mmlib from its repository")
    if data is not None:
        folder = Path(data).expanduser().resolve()
        if not folder.is_dir():
            raise InputError(f"the data folder {data} is not a folder; create it or name another")
        os.environ["MMLIB_DATA"] = str(folder)
    if scheduler is not None and not answers(scheduler):
        say(f"No scheduler answers at {scheduler} yet; jobs fail until one does.")
    chosen = free_port(host, port)
    if chosen != port:
        say(f"Port {port} is taken, so this dashboard uses {chosen}.")
    with Cluster(scheduler) as cluster:
        os.environ["MMLIB_SCHEDULER"] = cluster.address
        if is_loopback(host):
            os.environ.pop("MMLIB_ADDRESS", None)
        else:  # pages show it to phones
            os.environ["MMLIB_ADDRESS"] = address(network_name(host), chosen)
        app = build(host=host, port=chosen, browser=browser)
        app.when_ready = lambda: welcome(host, chosen, say)
        app.start()
    say("mmlib has stopped.")


def welcome(host: str, port: int, say: Say) -> None:
    """Say where the dashboard is, and who can see it.

    Args:
        host: the address that is listened on.
        port: the port.
        say: told each line.
    """
    say(f"mmlib is ready at {address(host, port)} (Ctrl-C stops it)")
    if not is_loopback(host):
        say("Everybody in this network can open it, upload stacks and see the results.")


def address(host: str, port: int) -> str:
    """Say where a browser finds the dashboard.

    Args:
        host: the address that is listened on.
        port: the port.

    Returns:
        A URL; for 0.0.0.0 with the name of this computer.
    """
    name = socket.gethostname() if host in ("", "0.0.0.0", "::") else host
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def network_name(host: str) -> str:
    """Say under which number other devices of the network find this computer.

    Args:
        host: the address that is listened on.

    Returns:
        The host itself, or, where all addresses are listened on, the one that leads out; the name of the computer where
        there is none.
    """
    if host not in ("", "0.0.0.0", "::"):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: this only asks which way it would go
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def answers(scheduler: str) -> bool:
    """Say whether something listens where a scheduler should.

    Args:
        scheduler: its address, ``tcp://host:port``.

    Returns:
        Whether it does.

    Raises:
        InputError: if the address is of another form.
    """
    try:
        named = urlsplit(scheduler)
        place = named.hostname, named.port
    except ValueError:
        place = None, None
    if "://" not in scheduler or not all(place):
        raise InputError(f"a scheduler is named like tcp://192.168.0.5:8786; got {scheduler!r}")
    try:
        socket.create_connection(place, timeout=ANSWER_S).close()
    except OSError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Say whether only this computer can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def free_port(host: str, port: int) -> int:
    """Find the wanted port, or the next free one above it.

    Args:
        host: the address to listen on.
        port: the wanted port; 0 takes any.

    Returns:
        A port that could be bound a moment ago.

    Raises:
        InputError: if none is free or the address is not of this computer.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"a port is a number from 0 to 65535; got {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65535) + 1):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except socket.gaierror:
                raise InputError(f"{host} is not an address of this computer; try 127.0.0.1 or 0.0.0.0") from None
            except PermissionError:
                raise InputError(f"port {candidate} needs special rights; choose one above 1023") from None
            except OSError as error:
                if not is_taken(error):
                    raise InputError(f"{host} is not an address of this computer; try 127.0.0.1 or 0.0.0.0") from None
                continue
            return int(probe.getsockname()[1])
    raise InputError(f"ports {port} to {port + PORTS_TRIED} are all taken; choose another with --port")


def is_taken(error: OSError) -> bool:
    """Say whether binding failed because something else listens there."""
    import errno

    return error.errno == errno.EADDRINUSE
