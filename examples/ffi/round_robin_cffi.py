# Python cffi: 20 requests round robin over some servers, and what the servers say of themselves.
#   python3 round_robin_cffi.py tcp://127.0.0.1:9000 unix:///run/php-fpm.sock
# FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed,
# FCGIP_SCRIPTS the folder of echo.php as the servers know it.
import os
import sys
from cffi import FFI

ffi = FFI()
with open(os.environ.get("FCGIP_HEADER", "/usr/include/fcgiproxy/ffi.h")) as header:
    ffi.cdef(header.read())
c = ffi.dlopen(os.environ.get("FCGIP_LIBRARY", "libfcgiproxy.so.0"))


def check(result):
    if result < 0:
        raise RuntimeError(ffi.string(c.fcgip_strerror(result)).decode())


def create(kind, constructor, *arguments):
    """What a constructor makes; it is freed when nobody refers to it any more."""
    out = ffi.new(f"fcgip_{kind} **")
    check(constructor(out, *arguments))
    return ffi.gc(out[0], getattr(c, f"fcgip_{kind}_free"))


@ffi.callback("fcgip_response_fn")
def on_response(response, _):
    length = ffi.new("size_t *")
    body = c.fcgip_response_body(response, length)
    print(ffi.buffer(body, length[0])[:].decode(), end="")


@ffi.callback("fcgip_response_fn")
def on_failure(response, _):
    print(ffi.string(c.fcgip_response_error_text(response)).decode())


endpoints = [create("endpoint", c.fcgip_endpoint_parse, address.encode(), ffi.NULL) for address in sys.argv[1:]]
servers = create("collection", c.fcgip_round_robin_new, endpoints, len(endpoints))
proxy = create("proxy", c.fcgip_proxy_new, servers, ffi.NULL)
cluster = create("cluster_proxy", c.fcgip_cluster_proxy_new, servers, ffi.NULL)
script = os.environ.get("FCGIP_SCRIPTS", os.path.abspath("docker/scripts")) + "/echo.php"
request = create("request", c.fcgip_get_request_new, script.encode(), ffi.NULL, 0)
check(c.fcgip_request_set_request_uri(request, b"/echo.php?value=hello"))
check(c.fcgip_request_add_response_callback(request, on_response, ffi.NULL, ffi.NULL))
check(c.fcgip_request_add_failure_callback(request, on_failure, ffi.NULL, ffi.NULL))
for _ in range(20):
    check(c.fcgip_proxy_send_async_request(proxy, request, ffi.NULL))
check(c.fcgip_proxy_wait_for_responses(proxy, 5000))

answers = create("status_list", lambda out: c.fcgip_cluster_proxy_get_status(cluster, b"/status", 2000, out))
for i in range(c.fcgip_status_list_count(answers)):
    server = c.fcgip_status_list_at(answers, i)
    pool = c.fcgip_server_status_php_fpm(server)
    print(f"{ffi.string(c.fcgip_php_fpm_status_pool_name(pool)).decode()}: "
          f"{c.fcgip_php_fpm_status_accepted_connections(pool)} accepted"
          if pool else ffi.string(c.fcgip_server_status_error_text(server)).decode())
