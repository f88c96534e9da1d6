"""`pydarknet serve`: detection over HTTP."""

from __future__ import annotations

import argparse
import os
import signal
import socket
from typing import TYPE_CHECKING

from ...system.hosts import LOCAL_HOSTS, is_local
from ...system.signals import ENDING, handled
from .. import options
from ..loading import complete, load_network, read_data_file, require_heads
from ..messages import say
from ..parser import UsageError, real, whole

if TYPE_CHECKING:
    import uvicorn

    from ...serve.app import Limits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add files and options."""
    options.add_network(parser, by_name=True)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; any but 127.0.0.1 needs a token")
    parser.add_argument(
        "--port", type=whole(0, 65535), default=8000, help="port to listen at (default: 8000; 0: any that is free)"
    )
    parser.add_argument(
        "--token", default=os.environ.get("PYDARKNET_TOKEN"), help="what clients must show; or PYDARKNET_TOKEN"
    )
    parser.add_argument(
        "--max-mb",
        type=real(0, 4096, above=True),
        default=20,
        metavar="MB",
        help="largest file of an image (default: 20)",
    )
    parser.add_argument(
        "--max-pixels",
        type=whole(1),
        default=50_000_000,
        metavar="N",
        help="most pixels of an image (default: 50000000)",
    )
    parser.add_argument("--timeout", type=real(0, 3600, above=True), default=30, metavar="S",
                        help="seconds an image may take to come, an answer to be taken (default: 30)")  # fmt: skip
    parser.add_argument(
        "--batch",
        type=whole(1, 1024),
        default=8,
        metavar="N",
        help="images that run through the network together, where not each core has its own (default: 8)",
    )
    parser.add_argument(
        "--waiting", type=whole(1), default=64, metavar="N", help="requests that may wait (default: 64)"
    )
    parser.add_argument("--access-log", action="store_true", help="a line on standard error for each request")
    options.add_detection(parser)
    options.add_size(parser)
    options.add_machine(parser)
    options.add_packed_cache(parser)
    options.add_quiet(parser, bar=False)


def run(args: argparse.Namespace) -> int:
    """0 when stopped; errors are raised."""
    try:
        import uvicorn

        from ...serve.app import Limits, create_app
        from ...serve.protocol import configured
    except ImportError as error:
        raise UsageError(f"serve needs the extra [serve]; pip install 'pydarknet[serve]' ({error})") from error
    local = is_local(args.host)
    if not local and not args.token:
        raise UsageError(f"--host {args.host} can be reached by others; give a --token that clients must show")
    if more := complete(args):
        raise UsageError(f"expected CFG and WEIGHTS, found {more[0]!r}, too, which is no weights file")
    net = load_network(args, read_data_file(args.data, args.quiet) if args.data else None)
    require_heads(net, "classify")
    app = create_app(
        net, net.settle(options.detect_options(args)), limits=_limits(args, Limits), token=args.token,
        hosts=LOCAL_HOSTS if local else ("*",), log=say if args.access_log else None,
    )  # fmt: skip
    with listening(args.host, args.port) as listener:
        address = f"http://{_in_url(args.host)}:{listener.getsockname()[1]}/"
        say(f"{address}: drop an image there; POST images to /detect; Ctrl-C ends it", args.quiet)
        _run(uvicorn.Server(configured(app, args.timeout)), listener)
    return 0


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    """Until a signal asks to end. uvicorn sees to Ctrl-C and SIGTERM: what is under way ends; so for the others."""
    asked = []

    def end(number: int, _: object) -> None:
        asked.append(number)
        server.should_exit = True

    with handled(end, sorted({*ENDING} - {signal.SIGINT, signal.SIGTERM})):
        server.run([listener])
    for number in asked[:1]:
        signal.raise_signal(number)  # as uvicorn does: the program ends by it


def listening(host: str, port: int) -> socket.socket:
    """A socket at which clients can connect from now on. UsageError if the address is taken, or none of ours."""
    try:
        listener = socket.create_server((host, port), family=_family(host), backlog=2048)
        # Of every connection that comes: an answer's body would wait some 40 ms for the receipt of its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        number = error.errno or 0  # below 0 for names that aren't found
        reason = os.strerror(number) if number > 0 else error.strerror  # create_server adds the address to it
        raise UsageError(f"can't listen at {host}, port {port}: {reason}; choose another --port or --host") from error


def _family(host: str) -> socket.AddressFamily:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _limits(args: argparse.Namespace, make: type[Limits]) -> Limits:
    return make(int(args.max_mb * 2**20), args.max_pixels, args.timeout, args.batch, args.waiting)
