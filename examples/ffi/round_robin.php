<?php
// PHP FFI: 20 requests round robin over some servers, and what the servers say of themselves.
//   php round_robin.php tcp://127.0.0.1:9000 unix:///run/php-fpm.sock
// FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed,
// FCGIP_SCRIPTS the folder of echo.php as the servers know it.
$c = FFI::cdef(file_get_contents(getenv('FCGIP_HEADER') ?: '/usr/include/fcgiproxy/ffi.h'),
    getenv('FCGIP_LIBRARY') ?: 'libfcgiproxy.so.0');

$check = function (int $result) use ($c): void {
    if ($result < 0) {
        throw new RuntimeException($c->fcgip_strerror($result), $result);
    }
};
// What a constructor makes: $create('fcgip_proxy', fn($out) => $c->fcgip_proxy_new($out, ...)).
$create = function (string $type, callable $constructor) use ($c, $check): FFI\CData {
    $out = $c->new("$type *");
    $check($constructor(FFI::addr($out)));
    return $out;
};

$count = $argc - 1;
$endpoints = $c->new("fcgip_endpoint *[$count]");
for ($i = 0; $i < $count; $i++) {
    $check($c->fcgip_endpoint_parse(FFI::addr($endpoints[$i]), $argv[$i + 1], null));
}
$servers = $create('fcgip_collection', fn($out) => $c->fcgip_round_robin_new($out, $endpoints, $count));
$proxy = $create('fcgip_proxy', fn($out) => $c->fcgip_proxy_new($out, $servers, null));
$cluster = $create('fcgip_cluster_proxy', fn($out) => $c->fcgip_cluster_proxy_new($out, $servers, null));
$script = (getenv('FCGIP_SCRIPTS') ?: realpath('docker/scripts')) . '/echo.php';
$request = $create('fcgip_request', fn($out) => $c->fcgip_get_request_new($out, $script, null, 0));
$check($c->fcgip_request_set_request_uri($request, '/echo.php?value=hello'));

// A callback must not throw, and PHP keeps it until the script ends.
$on_response = function ($response) use ($c): void {
    $length = $c->new('size_t');
    echo FFI::string($c->fcgip_response_body($response, FFI::addr($length)), $length->cdata);
};
$on_failure = fn($response) => print($c->fcgip_response_error_text($response) . "\n");
$check($c->fcgip_request_add_response_callback($request, $on_response, null, null));
$check($c->fcgip_request_add_failure_callback($request, $on_failure, null, null));
for ($i = 0; $i < 20; $i++) {
    $check($c->fcgip_proxy_send_async_request($proxy, $request, null));
}
$check($c->fcgip_proxy_wait_for_responses($proxy, 5000));

$list = $create('fcgip_status_list', fn($out) => $c->fcgip_cluster_proxy_get_status($cluster, '/status', 2000, $out));
for ($i = 0; $i < $c->fcgip_status_list_count($list); $i++) {
    $server = $c->fcgip_status_list_at($list, $i);
    $pool = $c->fcgip_server_status_php_fpm($server);
    echo $pool === null ? $c->fcgip_server_status_error_text($server) : $c->fcgip_php_fpm_status_pool_name($pool)
        . ': ' . $c->fcgip_php_fpm_status_accepted_connections($pool) . ' accepted', "\n";
}

foreach (['status_list' => $list, 'request' => $request, 'cluster_proxy' => $cluster, 'proxy' => $proxy,
    'collection' => $servers] as $kind => $object) {
    $c->{"fcgip_{$kind}_free"}($object);
}
for ($i = 0; $i < $count; $i++) {
    $c->fcgip_endpoint_free($endpoints[$i]);
}
