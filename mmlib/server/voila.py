"""Voilà, set up as a dashboard: own template, short addresses, no outside link, no kernel left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from mmlib.server import NOTEBOOKS, is_loopback
from mmlib.server.unheard import LOOK_S, NEVER_HEARD_S, Unheard, end_kernel, end_unheard

TEMPLATES = Path(__file__).resolve().parents[1] / "pages" / "template"
FRONT_END = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
"""The only extensions of the notebook's front end that the pages need."""

GONE = 1001
"""What a browser says when it closes the line of a page that is no more (RFC 6455, 7.4.1); a lost line says nothing."""


class Goodbye(VoilaShutdownKernelHandler):  # type: ignore[misc]
    """A page that closes sends its kernel's name, and the kernel ends.

    A browser's farewell cannot carry the header that guards against forged requests, so Voilà refuses its own. Here
    the guard is the origin, which browsers always send with it, and the kernel's name, which nobody else knows.
    """

    def check_xsrf_cookie(self) -> None:
        """Ask for the origin instead: `prepare` refuses any other than our own."""

    async def post(self, kernel_id: str) -> None:
        """End the kernel; one that is gone already is no error."""
        await end_kernel(self.kernel_manager, kernel_id)
        self.set_status(204)
        self.finish()


class Channels(VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """What page and kernel say to each other; a page that closes while the line is being laid is no failure."""

    async def get(self, kernel_id: str) -> None:
        """Lay the line; where the page has gone meanwhile there is nobody to lay it to."""
        with contextlib.suppress(WebSocketClosedError):
            await super().get(kernel_id=kernel_id)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Name the language of the line.

        Raises:
            WebSocketClosedError: if the page has gone meanwhile.
        """
        if self.connection is None:
            raise WebSocketClosedError
        chosen: str | None = super().select_subprotocol(subprotocols)
        return chosen

    def on_close(self) -> None:
        """End the kernel too where the browser says that the page is gone: its farewell may not have got through."""
        super().on_close()
        if self.close_code == GONE:
            IOLoop.current().add_callback(end_kernel, self.kernel_manager, self.kernel_id)

    def write_message(self, message: bytes | dict[str, Any], binary: bool = False) -> Any:
        """Send to the page; what was on its way when the line broke is lost with it."""
        try:
            return super().write_message(message, binary)
        except WebSocketClosedError:
            return None


class Pulse(JupyterHandler):
    """Tells a page whether the Python behind it still runs."""

    async def get(self, kernel_id: str) -> None:
        """Answer 204 if it does, and 410 if it has ended."""
        known = kernel_id in self.kernel_manager
        alive = known and await ensure_async(self.kernel_manager.get_kernel(kernel_id).is_alive())
        self.set_status(204 if alive else 410)
        with contextlib.suppress(StreamClosedError):  # whoever asked has gone
            await self.finish()


class NoSuchPage(JupyterHandler):
    """Answers every address that nobody else does."""

    async def get(self) -> None:
        """Say that there is no such page."""
        raise HTTPError(404)


class Dashboard(Voila):  # type: ignore[misc]
    """Voilà with one address a page: ``/`` is home, ``/explore`` is explore.ipynb, and so on.

    Attributes:
        when_ready: called once, when the server listens.
    """

    when_ready: Callable[[], None] = staticmethod(lambda: None)

    def initialize(self, argv: list[str] | None = None) -> None:
        """Stop cleanly on Ctrl-C and when asked to end."""
        super().initialize(argv)
        signal.signal(signal.SIGINT, self._handle_signal_stop)

    def start(self) -> None:
        """Listen until asked to end, and say when a browser may come."""
        loop = IOLoop.current()
        loop.add_callback(self.when_ready)
        unheard = Unheard()
        watch = PeriodicCallback(lambda: end_unheard(self.kernel_manager, unheard), 1000 * LOOK_S)
        loop.add_callback(watch.start)
        loop.add_callback(lambda: asyncio.get_running_loop().set_exception_handler(calm))
        super().start()

    def init_settings(self) -> dict[str, Any]:
        """Show our own page for every error, whichever handler it comes from."""
        settings: dict[str, Any] = super().init_settings()
        return {**settings, "jinja2_env": settings["voila_jinja2_env"], "default_handler_class": NoSuchPage}

    def init_handlers(self) -> list[Any]:
        """Put our own pages first and leave out the lists of files."""
        unwanted = ("/voila/tree", "/voila/api/contents")
        ours = {VoilaKernelWebsocketHandler: Channels}
        kept = [
            (address, ours.get(handler, handler), *settings)
            for address, handler, *settings in super().init_handlers()
            if address != "/" and not address.startswith(unwanted)
        ]
        pages = [
            (
                "/" if notebook.stem == "index" else f"/{notebook.stem}",
                TornadoVoilaHandler,
                {
                    "notebook_path": notebook.name,
                    "template_paths": self.template_paths,
                    "config": self.config,
                    "voila_configuration": self.voila_configuration,
                },
            )
            for notebook in sorted(Path(self.root_dir).glob("*.ipynb"))
        ]
        return [("/voila/api/shutdown/(.*)", Goodbye), ("/pulse/([-0-9a-f]+)", Pulse), *pages, *kept]


def calm(loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
    """Say nothing of pages that were closed while something was on its way to them; all else is reported as usual.

    Args:
        loop: where it happened.
        told: what happened.
    """
    if not isinstance(told.get("exception"), WebSocketClosedError | StreamClosedError):
        loop.default_exception_handler(told)


def no_outside_links(page_config: dict[str, Any], *, base_url: str, **_: Any) -> dict[str, Any]:
    """Replace the one address of another host in what the front end is told."""
    page_config["fullMathjaxUrl"] = f"{base_url}voila/templates/mmlib/static/no_formulas.js"
    page_config["mathjaxConfig"] = "none"
    return page_config


def build(*, host: str, port: int, browser: bool, notebooks: Path = NOTEBOOKS) -> Dashboard:
    """Set up the dashboard; its `start` listens and blocks until it is stopped.

    Args:
        host: the address to listen on.
        port: a free port.
        browser: whether to open a browser window.
        notebooks: the folder of the pages.

    Returns:
        The application, ready to start.
    """
    paths = [str(TEMPLATES), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(dict.fromkeys(paths))
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    local = is_loopback(host)
    settings = Config()
    settings.Voila.ip = host
    settings.Voila.port = port
    settings.Voila.port_retries = 0
    settings.Voila.open_browser = browser
    settings.Voila.root_dir = str(notebooks)
    settings.Voila.config_file_paths = []
    settings.Voila.log_level = logging.ERROR
    settings.Voila.tornado_settings = {
        # a page of another site must not reach us under a name of its own that leads to this computer
        "allow_remote_access": not local,
        "local_hostnames": ["localhost", host],
        "websocket_max_message_size": 32 << 20,
        "websocket_ping_interval": 30,
        "websocket_ping_timeout": 30,
    }
    settings.VoilaConfiguration.template = "mmlib"
    settings.VoilaConfiguration.allow_template_override = "NO"
    settings.VoilaConfiguration.allow_theme_override = "NO"
    settings.VoilaConfiguration.file_allowlist = []
    settings.VoilaConfiguration.extension_allowlist = FRONT_END
    settings.VoilaConfiguration.page_config_hook = no_outside_links
    if os.name == "posix":  # sockets in a private folder, which no other user of this computer can reach
        settings.KernelManager.transport = "ipc"
    settings.KernelManager.autorestart = False  # a page without what it had in memory is worse than a clear word
    settings.VoilaExecutor.iopub_timeout = int(NEVER_HEARD_S)  # what a busy kernel shows late would be left out
    settings.MappingKernelManager.cull_idle_timeout = 0  # it counts from the last deed, not from the lost line
    settings.ZMQChannelsWebsocketConnection.limit_rate = False
    terminal = logging.StreamHandler()  # why a page failed
    terminal.setLevel(logging.ERROR)
    logging.getLogger("traitlets").addHandler(terminal)
    for name in ("tornado.access", "tornado.general", "tornado.application"):
        logging.getLogger(name).setLevel(logging.ERROR)
    app = Dashboard(config=settings)
    app.initialize(argv=[])
    return app
