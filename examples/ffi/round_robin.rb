# Ruby Fiddle: 20 requests round robin over some servers, and what the servers say of themselves.
#   ruby round_robin.rb tcp://127.0.0.1:9000 unix:///run/php-fpm.sock
# FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed,
# FCGIP_SCRIPTS the folder of echo.php as the servers know it.
require "fiddle/import"

module C
  extend Fiddle::Importer
  dlload ENV.fetch("FCGIP_LIBRARY", "libfcgiproxy.so.0")
  File.foreach(ENV.fetch("FCGIP_HEADER", "/usr/include/fcgiproxy/ffi.h")) do |line|
    case line
    when /\Atypedef [\w ]+\(\*(\w+)\)/ then typealias $1, "void *" # a function
    when /\Atypedef (\w+) (\w+);/ then typealias $2, $1
    when /\A(?!typedef|enum|struct).*\(/ then extern line.chomp(";\n")
    end
  end
end

def check(result)
  raise C.fcgip_strerror(result).to_s if result.negative?
end

# What a constructor makes, with the function that frees it when nobody needs it any more.
def create(kind, constructor = nil, *arguments)
  out = Fiddle::Pointer.malloc(Fiddle::SIZEOF_VOIDP, Fiddle::RUBY_FREE)
  check(block_given? ? yield(out) : C.send(constructor, out, *arguments))
  Fiddle::Pointer.new(out.ptr.to_i, 0, C["fcgip_#{kind}_free"])
end

endpoints = ARGV.map { |address| create("endpoint", :fcgip_endpoint_parse, address, nil) }
array = endpoints.map(&:to_i).pack("J*")
servers = create("collection", :fcgip_round_robin_new, array, endpoints.size)
proxy = create("proxy", :fcgip_proxy_new, servers, nil)
cluster = create("cluster_proxy", :fcgip_cluster_proxy_new, servers, nil)
script = File.join(ENV.fetch("FCGIP_SCRIPTS", File.expand_path("docker/scripts")), "echo.php")
request = create("request", :fcgip_get_request_new, script, nil, 0)
check C.fcgip_request_set_request_uri(request, "/echo.php?value=hello")

pointers = [Fiddle::TYPE_VOIDP] * 2
on_response = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_VOID, pointers) do |response, _|
  length = Fiddle::Pointer.malloc(Fiddle::SIZEOF_SIZE_T, Fiddle::RUBY_FREE)
  print C.fcgip_response_body(response, length)[0, length[0, Fiddle::SIZEOF_SIZE_T].unpack1("J")]
end
on_failure = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_VOID, pointers) do |response, _|
  puts C.fcgip_response_error_text(response).to_s
end
check C.fcgip_request_add_response_callback(request, on_response, nil, nil)
check C.fcgip_request_add_failure_callback(request, on_failure, nil, nil)
20.times { check C.fcgip_proxy_send_async_request(proxy, request, nil) }
check C.fcgip_proxy_wait_for_responses(proxy, 5000)

answers = create("status_list") { |out| C.fcgip_cluster_proxy_get_status(cluster, "/status", 2000, out) }
C.fcgip_status_list_count(answers).times do |i|
  server = C.fcgip_status_list_at(answers, i)
  pool = C.fcgip_server_status_php_fpm(server)
  puts pool.null? ? C.fcgip_server_status_error_text(server).to_s :
    "#{C.fcgip_php_fpm_status_pool_name(pool)}: #{C.fcgip_php_fpm_status_accepted_connections(pool)} accepted"
end
