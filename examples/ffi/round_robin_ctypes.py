# Python ctypes: 20 requests round robin over some servers, and what the servers say of themselves.
#   python3 round_robin_ctypes.py tcp://127.0.0.1:9000 unix:///run/php-fpm.sock
# FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed,
# FCGIP_SCRIPTS the folder of echo.php as the servers know it.
import ctypes
import os
import re
import sys

c = ctypes.CDLL(os.environ.get("FCGIP_LIBRARY", "libfcgiproxy.so.0"))


def ctype(text):
    """Of "const char *", "fcgip_proxy **", "uint16_t" ...: texts are char_p, all other pointers void_p."""
    names = {"const char *": "char_p", "fcgip_request_id": "uint64"}
    pointer = "void_p" if "*" in text or text.endswith("_fn") else None
    return getattr(ctypes, "c_" + (names.get(text) or pointer or re.sub("(?<!size)_t$", "", text)))


with open(os.environ.get("FCGIP_HEADER", "/usr/include/fcgiproxy/ffi.h")) as header:
    for result, name, arguments in re.findall(r"^(?!typedef)([\w *]+?) ?\b(fcgip_\w+)\((.*)\);$", header.read(), re.M):
        function = getattr(c, name)
        function.restype = None if result == "void" else ctype(result)
        function.argtypes = [ctype(re.sub(r" ?\w+$", "", a)) for a in arguments.split(", ") if a != "void"]


def check(result):
    if result < 0:
        raise RuntimeError(c.fcgip_strerror(result).decode())


def create(constructor, *arguments):
    out = ctypes.c_void_p()
    check(constructor(*(ctypes.byref(out) if a is ... else a for a in (arguments if ... in arguments else (..., *arguments)))))
    return out


@ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
def on_response(response, _):
    length = ctypes.c_size_t()
    print(ctypes.string_at(c.fcgip_response_body(response, ctypes.byref(length)), length.value).decode(), end="")


@ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
def on_failure(response, _):
    print(c.fcgip_response_error_text(response).decode())


endpoints = [create(c.fcgip_endpoint_parse, address.encode(), None) for address in sys.argv[1:]]
array = (ctypes.c_void_p * len(endpoints))(*[endpoint.value for endpoint in endpoints])
servers = create(c.fcgip_round_robin_new, array, len(endpoints))
proxy = create(c.fcgip_proxy_new, servers, None)
cluster = create(c.fcgip_cluster_proxy_new, servers, None)
request = create(c.fcgip_get_request_new, os.environ.get("FCGIP_SCRIPTS", os.path.abspath("docker/scripts")).encode() + b"/echo.php", None, 0)
check(c.fcgip_request_set_request_uri(request, b"/echo.php?value=hello"))
check(c.fcgip_request_add_response_callback(request, on_response, None, None))
check(c.fcgip_request_add_failure_callback(request, on_failure, None, None))
