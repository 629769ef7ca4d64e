"""A WebDAV server that serves one folder to one user who gives the one password; runs until it is ended."""

import argparse

from werkzeug.serving import run_simple
from werkzeug.wsgi import get_input_stream
from wsgidav.wsgidav_app import WsgiDAVApp


def serve(host: str, port: int, folder: str, user: str, password: str) -> None:
    serve_folder = WsgiDAVApp(
        {"provider_mapping": {"/": folder}, "simple_dc": {"user_mapping": {"*": {user: {"password": password}}}}}
    )

    def application(environ, start_response):
        # WsgiDAV reads to the end of the stream, which on a connection that stays open is not the end of the request.
        environ["wsgi.input"] = get_input_stream(environ)
        return serve_folder(environ, start_response)

    run_simple(host, port, application, threaded=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    for name in ("host", "folder", "user", "password"):
        parser.add_argument(f"--{name}", required=True)
    serve(**vars(parser.parse_args()))
