<?php declare(strict_types=1);
// php ffi.php plain|library|classes MILLISECONDS ADDRESS...: the loop of examples/ffi/round_robin.php, again and
// again: 20 requests at a time to the servers in turn, each on a connection of its own, whose bodies a callback
// takes. `plain` does it in PHP with sockets, `library` by libfcgiproxy's functions as the example does, `classes`
// by examples/ffi/FastCGI.php. FCGIP_SCRIPTS, FCGIP_LIBRARY and FCGIP_HEADER are as for the examples.
const AT_A_TIME = 20;
[, $mode, $milliseconds] = $argv;
$addresses = array_slice($argv, 3);
$script = getenv('FCGIP_SCRIPTS') . '/echo.php';
$taken = $bytes = 0;
$take = function (string $body) use (&$taken, &$bytes): void {
    $taken++;
    $bytes += strlen($body);
};

// What is done with the servers, as a function that sends AT_A_TIME requests and waits for all of them.
function library(array $addresses, string $script, callable $take): callable
{
    $c = FFI::cdef(file_get_contents(getenv('FCGIP_HEADER')), getenv('FCGIP_LIBRARY'));
    $check = fn(int $result) => $result < 0 ? throw new RuntimeException($c->fcgip_strerror($result)) : $result;
    $endpoints = $c->new('fcgip_endpoint *[' . count($addresses) . ']');
    foreach ($addresses as $i => $address)
        $check($c->fcgip_endpoint_parse(FFI::addr($endpoints[$i]), $address, null));
    [$servers, $proxy, $request] = array_map(fn($type) => $c->new("fcgip_$type *"), ['collection', 'proxy', 'request']);
    $check($c->fcgip_round_robin_new(FFI::addr($servers), $endpoints, count($addresses)));
    $check($c->fcgip_proxy_new(FFI::addr($proxy), $servers, null));
    $check($c->fcgip_get_request_new(FFI::addr($request), $script, null, 0));
    $length = $c->new('size_t');
    $at = FFI::addr($length);
    $check($c->fcgip_request_add_response_callback($request, function ($response) use ($c, $take, $length, $at) {
        $take(FFI::string($c->fcgip_response_body($response, $at), $length->cdata));
    }, null, null));
    return function () use ($c, $check, $proxy, $request): void {
        for ($i = 0; $i < AT_A_TIME; $i++) {
            $check($c->fcgip_request_set_request_uri($request, "/echo.php?value=$i"));
            $check($c->fcgip_proxy_send_async_request($proxy, $request, null));
        }
        $check($c->fcgip_proxy_wait_for_responses($proxy, 5000));
    };
}

function classes(array $addresses, string $script, callable $take): callable
{
    require __DIR__ . '/../../examples/ffi/FastCGI.php';
    $proxy = new hollodotme\FastCGI\Proxy(hollodotme\FastCGI\RoundRobin::fromConnections(...array_map(
        fn($address) => str_starts_with($address, 'unix://')
            ? new hollodotme\FastCGI\UnixDomainSocket(substr($address, 7))
            : new hollodotme\FastCGI\NetworkSocket(parse_url($address, PHP_URL_HOST), parse_url($address, PHP_URL_PORT)),
        $addresses)));
    $request = new hollodotme\FastCGI\GetRequest($script);
    $request->addResponseCallbacks(fn($response) => $take($response->getBody()));
    return function () use ($proxy, $request): void {
        for ($i = 0; $i < AT_A_TIME; $i++) {
            $request->setRequestUri("/echo.php?value=$i");
            $proxy->sendAsyncRequest($request);
        }
        $proxy->waitForResponses(5000);
    };
}

function record(int $type, string $content): string
{
    return pack('CCnnCC', 1, $type, 1, strlen($content), 0, 0) . $content;
}

function request(string $script, string $uri, string $query): string
{
    $variables = ['GATEWAY_INTERFACE' => 'FastCGI/1.0', 'REQUEST_METHOD' => 'GET', 'REQUEST_URI' => "$uri?$query",
        'SCRIPT_FILENAME' => $script, 'SERVER_SOFTWARE' => 'libfcgiproxy/0.1.0', 'REMOTE_ADDR' => '192.168.0.1',
        'REMOTE_PORT' => '9985', 'SERVER_ADDR' => '127.0.0.1', 'SERVER_PORT' => '80', 'SERVER_NAME' => 'localhost',
        'SERVER_PROTOCOL' => 'HTTP/1.1', 'CONTENT_TYPE' => 'application/x-www-form-urlencoded',
        'CONTENT_LENGTH' => '0', 'QUERY_STRING' => $query];
    $pairs = '';
    foreach ($variables as $name => $value) {
        $pairs .= chr(strlen($name)) . (strlen($value) < 128 ? chr(strlen($value)) : pack('N', strlen($value) | 1 << 31));
        $pairs .= $name . $value;
    }
    return record(1, "\0\1\0\0\0\0\0\0") . record(4, $pairs) . record(4, '') . record(5, '');
}

// As much as this one loop needs: no time limits, no limits of size, no second attempt, no queue.
function plain(array $addresses, string $script, callable $take): callable
{
    $turn = 0;
    return function () use ($addresses, $script, $take, &$turn): void {
        $sockets = $received = [];
        for ($i = 0; $i < AT_A_TIME; $i++) {
            $socket = stream_socket_client($addresses[$turn++ % count($addresses)]);
            stream_set_blocking($socket, false);
            fwrite($socket, request($script, '/echo.php', "value=$i"));
            $sockets[(int)$socket] = $socket;
            $received[(int)$socket] = '';
        }
        while ($sockets) {
            [$read, $write, $except] = [$sockets, null, null];
            stream_select($read, $write, $except, 5) or exit("nothing in 5 seconds\n");
            foreach ($read as $key => $socket) {
                ($piece = fread($socket, 65536)) !== '' or exit("the server closed\n");
                $received[$key] .= $piece;
                $output = '';
                for ($at = 0; $at + 8 <= strlen($received[$key]); $at += 8 + $header['length'] + $header['padding']) {
                    $header = unpack('Cversion/Ctype/nid/nlength/Cpadding', $received[$key], $at);
                    if ($header['type'] === 6)
                        $output .= substr($received[$key], $at + 8, $header['length']);
                    if ($header['type'] === 3 && $at + 16 <= strlen($received[$key])) {
                        $take(substr($output, strpos($output, "\r\n\r\n") + 4));
                        fclose($socket);
                        unset($sockets[$key]);
                        break;
                    }
                }
            }
        }
    };
}

$cpu = function (): float {
    $usage = getrusage();
    return ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) * 1e6
        + $usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec'];
};
$batch = ['plain' => 'plain', 'library' => 'library', 'classes' => 'classes'][$mode]($addresses, $script, $take);
$batch(); // the first one is not counted
[$taken, $bytes, $sent, $before, $start] = [0, 0, 0, $cpu(), hrtime(true)];
do {
    $batch();
    $sent += AT_A_TIME;
} while (hrtime(true) < $start + (int)$milliseconds * 1000000);
if ($taken !== $sent || $bytes < 10 * $sent)
    exit("$taken answers of $bytes bytes to $sent requests\n");
$seconds = (hrtime(true) - $start) / 1e9;
printf("%s %.0f %.1f\n", $mode, $sent / $seconds, ($cpu() - $before) / $sent);
