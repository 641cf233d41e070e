"""The server: ports, addresses, data folder, what it refuses, and that it leaves nothing behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import psutil
import pytest
from page_stacks import wait_for
from processes import below

from mmlib.errors import InputError
from mmlib.server import PORTS_TRIED, address, answers, free_port, is_loopback, network_name, serve
from mmlib.server.unheard import LOST_S, NEVER_HEARD_S, Heard, Unheard

ROOT = Path(__file__).resolve().parents[1]


def test_a_free_port_is_taken_as_it_is() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert free_port("127.0.0.1", port) == port


def test_the_next_port_is_used_when_one_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port("127.0.0.1", port) <= port + PORTS_TRIED


@pytest.mark.parametrize(
    ("host", "port", "words"), [("127.0.0.1", 70000, "0 to 65535"), ("203.0.113.7", 8866, "not an")]
)
def test_a_wrong_port_or_host_is_one_sentence(host: str, port: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        free_port(host, port)


def test_addresses() -> None:
    assert address("127.0.0.1", 8866) == "http://127.0.0.1:8866/"
    assert address("::1", 80) == "http://[::1]:80/"
    assert address("0.0.0.0", 1) == f"http://{socket.gethostname()}:1/"
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")


def test_a_data_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        serve(data=tmp_path / "nothing", browser=False)


def fetch(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("end_with", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_where_it_is_and_leaves_nothing_behind(tmp_path: Path, end_with: signal.Signals) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "mmlib", "serve", "--no-browser", "--port", str(port), "--data", str(tmp_path)]
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True
        )
        try:
            assert server.stdout is not None
            first, second = server.stdout.readline(), server.stdout.readline()
            assert first.startswith(f"Port {port} is taken")
            url = next(word for word in second.split() if word.startswith("http"))
            if end_with is signal.SIGTERM:
                check_what_is_refused(url)
            family = workers_of(server.pid)
            os.killpg(server.pid, end_with)  # as a terminal does with Ctrl-C
            rest, errors = server.communicate(timeout=30)
        finally:
            server.kill()
            server.wait()
    assert rest == "mmlib has stopped.\n"
    assert errors == ""
    assert server.returncode == 0
    assert len(family) >= 3  # the scheduler and two workers
    assert psutil.wait_procs(family, timeout=5)[1] == []


def workers_of(pid: int) -> list[psutil.Process]:
    """Wait until a scheduler and two workers run below a process."""
    end = time.monotonic() + 40
    while time.monotonic() < end:
        if len(below(psutil.Process(pid), "spawn_main")) >= 2:
            return below(psutil.Process(pid))
        time.sleep(0.2)
    return []


def check_what_is_refused(url: str) -> None:
    status, page = fetch(f"{url}nothing-here")
    assert status == 404
    assert "There is no such page" in page
    assert fetch(f"{url}voila/tree")[0] == 404
    assert fetch(f"{url}voila/api/contents/")[0] == 404
    assert fetch(f"{url}voila/files/index.ipynb")[0] in (403, 404)
    assert fetch(f"{url}voila/render/../../pyproject.toml")[0] != 200
    assert fetch(f"{url}explore", Host="evil.example:80")[0] == 403  # another name that leads here
    outside = {"Origin": "http://evil.example"}
    kernel = "voila/api/shutdown/00000000-0000-0000-0000-000000000000"
    request = urllib.request.Request(url + kernel, data=b"", headers=outside, method="POST")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=20)


def test_templates_name_no_other_host() -> None:
    folder = ROOT / "mmlib" / "pages" / "template"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path


def test_kernels_are_told_by_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import mmlib.server.cluster as c\nwith c.Cluster('tcp://there:1') as cluster: print(cluster.address)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert out.stdout == "tcp://there:1\n"


def test_a_scheduler_is_looked_for() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        assert not answers(f"tcp://127.0.0.1:{port}")
        listening.listen()
        assert answers(f"tcp://127.0.0.1:{port}")
    for wrong in ("nonsense", "there:8786", "tcp://there", "tcp://there:many"):
        with pytest.raises(InputError, match="named like tcp://"):
            answers(wrong)


def test_other_devices_are_told_an_address_that_is_this_computers() -> None:
    assert network_name("192.0.2.7") == "192.0.2.7"
    name = network_name("0.0.0.0")
    assert name not in ("", "0.0.0.0")
    with socket.socket() as probe:
        probe.bind((name, 0))  # only an address of this computer can be bound


def test_a_kernel_whose_page_never_came_ends_and_one_that_lost_it_waits_longer() -> None:
    unheard = Unheard()
    assert unheard.due([Heard("closed early", 0), Heard("lost", 1)], 0) == []
    both = [Heard("closed early", 0), Heard("lost", 0)]
    assert unheard.due(both, 5) == []
    assert unheard.due(both, NEVER_HEARD_S - 1) == []
    assert unheard.due(both, NEVER_HEARD_S) == ["closed early"]
    assert unheard.due(both[1:], LOST_S) == []  # its line was lost five seconds later
    assert unheard.due(both[1:], LOST_S + 5) == ["lost"]


def test_a_page_that_comes_back_and_a_kernel_that_works_are_left_alone() -> None:
    unheard = Unheard()
    unheard.due([Heard("page", 1), Heard("loading", 0, busy=True)], 0)
    unheard.due([Heard("page", 0), Heard("loading", 0, busy=True)], 10)
    assert unheard.due([Heard("page", 1), Heard("loading", 0, busy=True)], 10 + LOST_S) == []
    assert unheard.due([Heard("page", 0), Heard("loading", 0)], 20 + LOST_S) == []
    assert unheard.due([Heard("page", 0), Heard("loading", 0)], 19 + LOST_S + NEVER_HEARD_S) == []


IMPATIENT = """
import sys
import mmlib.server.unheard as unheard
import mmlib.server.voila as voila
voila.LOOK_S = 0.5
unheard.NEVER_HEARD_S = 2
from mmlib.server import serve
serve(browser=False, port=0, data=sys.argv[1], scheduler="tcp://127.0.0.1:1")
"""


def test_a_page_that_is_closed_while_it_loads_leaves_no_kernel(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPATIENT, str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert server.stdout is not None
    try:
        ready = next(line for line in server.stdout if line.startswith("mmlib is ready"))
        url = next(word for word in ready.split() if word.startswith("http"))
        with urllib.request.urlopen(f"{url}about", timeout=30) as answer:
            answer.read(100)  # no more: as a tab that is closed at once
        wait_for_kernels(server.pid, 1)
        wait_for_kernels(server.pid, 0)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        server.stdout.close()


def wait_for_kernels(pid: int, count: int) -> None:
    wait_for(lambda: kernels(pid) == count, 60, stands=lambda: f"{kernels(pid)} kernels run; {count} expected")


def kernels(pid: int) -> int:
    return len(below(psutil.Process(pid), "ipykernel_launcher"))


SLOW_TO_SHOW = """
import sys
import time
import ipywidgets
sys.stdout.flush_timeout = sys.stderr.flush_timeout = 0
get_ipython().kernel.iopub_thread.schedule(lambda: time.sleep(6))
ipywidgets.Label("shown late")
"""
PLAIN = """
import sys
from mmlib.server.voila import build
build(host="127.0.0.1", port=int(sys.argv[1]), browser=False, notebooks=sys.argv[2]).start()
"""


def test_a_page_whose_computer_is_too_busy_to_show_it_at_once_is_not_left_empty(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell(SLOW_TO_SHOW)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "late.ipynb")
    port = free_port("127.0.0.1", 8900)
    server = subprocess.Popen([sys.executable, "-c", PLAIN, str(port), str(tmp_path)])
    try:
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(urllib.error.URLError):
                _, page = fetch(f"http://127.0.0.1:{port}/late")
                break
            assert time.monotonic() < end
            time.sleep(0.2)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    assert "model_id" in page, page[-3000:]
