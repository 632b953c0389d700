# Python ctypes: 20 requests round robin over some servers, and what the servers say of themselves.
#   python3 round_robin_ctypes.py tcp://127.0.0.1:9000 unix:///run/php-fpm.sock
# FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed,
# FCGIP_SCRIPTS the folder of echo.php as the servers know it.
import ctypes
import os
import re
import sys
from ctypes import CFUNCTYPE, byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p

c = ctypes.CDLL(os.environ.get("FCGIP_LIBRARY", "libfcgiproxy.so.0"))
made = []
known = {"void": None, "const char *": c_char_p, "int": c_int, "short": ctypes.c_short, "double": ctypes.c_double,
         "size_t": c_size_t, "uint16_t": ctypes.c_uint16, "uint32_t": ctypes.c_uint32, "uint64_t": c_uint64,
         "int64_t": ctypes.c_int64, "fcgip_request_id": c_uint64}
with open(os.environ.get("FCGIP_HEADER", "/usr/include/fcgiproxy/ffi.h")) as header:
    for result, name, arguments in re.findall(r"^(?!typedef)([\w *]+?) ?\b(fcgip_\w+)\((.*)\);$", header.read(), re.M):
        function = getattr(c, name)
        function.restype = known.get(result, c_void_p)  # all other types are pointers
        function.argtypes = [known.get(re.sub(r" ?\w+$", "", a), c_void_p) for a in arguments.split(", ") if a != "void"]

def check(result):
    if result < 0:
        raise RuntimeError(c.fcgip_strerror(result).decode())

def create(kind, constructor, *arguments):
    out = c_void_p()
    check(constructor(byref(out), *arguments))
    made.append((kind, out))
    return out

@CFUNCTYPE(None, c_void_p, c_void_p)
def on_response(response, _):
    length = c_size_t()
    print(ctypes.string_at(c.fcgip_response_body(response, byref(length)), length.value).decode(), end="")

@CFUNCTYPE(None, c_void_p, c_void_p)
def on_failure(response, _):
    print(c.fcgip_response_error_text(response).decode())

endpoints = [create("endpoint", c.fcgip_endpoint_parse, address.encode(), None).value for address in sys.argv[1:]]
servers = create("collection", c.fcgip_round_robin_new, (c_void_p * len(endpoints))(*endpoints), len(endpoints))
proxy = create("proxy", c.fcgip_proxy_new, servers, None)
cluster = create("cluster_proxy", c.fcgip_cluster_proxy_new, servers, None)
script = os.environ.get("FCGIP_SCRIPTS", os.path.abspath("docker/scripts")) + "/echo.php"
request = create("request", c.fcgip_get_request_new, script.encode(), None, 0)
check(c.fcgip_request_set_request_uri(request, b"/echo.php?value=hello"))
check(c.fcgip_request_add_response_callback(request, on_response, None, None))
check(c.fcgip_request_add_failure_callback(request, on_failure, None, None))
for _ in range(20):
    check(c.fcgip_proxy_send_async_request(proxy, request, None))
check(c.fcgip_proxy_wait_for_responses(proxy, 5000))

answers = create("status_list", lambda out: c.fcgip_cluster_proxy_get_status(cluster, b"/status", 2000, out))
for server in (c.fcgip_status_list_at(answers, i) for i in range(c.fcgip_status_list_count(answers))):
    pool = c.fcgip_server_status_php_fpm(server)
    print(f"{c.fcgip_php_fpm_status_pool_name(pool).decode()}: {c.fcgip_php_fpm_status_accepted_connections(pool)} accepted"
          if pool else c.fcgip_server_status_error_text(server).decode())
for kind, an_object in made:
    getattr(c, f"fcgip_{kind}_free")(an_object)
