-- LuaJIT FFI: 20 requests round robin over some servers, and what the servers say of themselves.
--   luajit round_robin.lua tcp://127.0.0.1:9000 unix:///run/php-fpm.sock
-- FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed,
-- FCGIP_SCRIPTS the folder of echo.php as the servers know it.
local ffi = require("ffi")
ffi.cdef(assert(io.open(os.getenv("FCGIP_HEADER") or "/usr/include/fcgiproxy/ffi.h")):read("*a"))
local c = ffi.load(os.getenv("FCGIP_LIBRARY") or "libfcgiproxy.so.0")

local function check(result)
  if result < 0 then error(ffi.string(c.fcgip_strerror(result)), 2) end
end
-- What a constructor makes, with the function that frees it when nobody needs it any more.
local function create(kind, constructor, ...)
  local out = ffi.new("fcgip_" .. kind .. " *[1]")
  check(constructor(out, ...))
  return ffi.gc(out[0], c["fcgip_" .. kind .. "_free"])
end

local endpoints, kept = ffi.new("const fcgip_endpoint *[?]", #arg), {}
for i, address in ipairs(arg) do
  kept[i] = create("endpoint", c.fcgip_endpoint_parse, address, nil)
  endpoints[i - 1] = kept[i]
end
local servers = create("collection", c.fcgip_round_robin_new, endpoints, #arg)
local proxy = create("proxy", c.fcgip_proxy_new, servers, nil)
local cluster = create("cluster_proxy", c.fcgip_cluster_proxy_new, servers, nil)
local script = (os.getenv("FCGIP_SCRIPTS") or os.getenv("PWD") .. "/docker/scripts") .. "/echo.php"
local request = create("request", c.fcgip_get_request_new, script, nil, 0)
check(c.fcgip_request_set_request_uri(request, "/echo.php?value=hello"))

local on_response = ffi.cast("fcgip_response_fn", function(response)
  local length = ffi.new("size_t[1]")
  io.write(ffi.string(c.fcgip_response_body(response, length), length[0]))
end)
local on_failure = ffi.cast("fcgip_response_fn", function(response)
  print(ffi.string(c.fcgip_response_error_text(response)))
end)
check(c.fcgip_request_add_response_callback(request, on_response, nil, nil))
check(c.fcgip_request_add_failure_callback(request, on_failure, nil, nil))
-- Machine code cannot call back into Lua: whoever waits for callbacks has to be interpreted.
local function wait(timeout_ms) check(c.fcgip_proxy_wait_for_responses(proxy, timeout_ms)) end
jit.off(wait)
for _ = 1, 20 do check(c.fcgip_proxy_send_async_request(proxy, request, nil)) end
wait(5000)

local list = create("status_list", function(out) return c.fcgip_cluster_proxy_get_status(cluster, "/status", 2000, out) end)
for i = 0, tonumber(c.fcgip_status_list_count(list)) - 1 do
  local server = c.fcgip_status_list_at(list, i)
  local pool = c.fcgip_server_status_php_fpm(server)
  print(pool == nil and ffi.string(c.fcgip_server_status_error_text(server)) or string.format("%s: %d accepted",
    ffi.string(c.fcgip_php_fpm_status_pool_name(pool)), tonumber(c.fcgip_php_fpm_status_accepted_connections(pool))))
end

list, request, cluster, proxy, servers, kept = nil, nil, nil, nil, nil, nil
collectgarbage() -- frees everything, in whatever order; after that nobody calls back
on_response:free()
on_failure:free()
