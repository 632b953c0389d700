<?php
/* The benchmark's work in plain PHP: bytes made beforehand, kept connections, stream_select().
 *
 *   php plain.php SOCKET IN_FLIGHT MILLISECONDS */
declare(strict_types=1);

const TYPE_BEGIN = 1, TYPE_PARAMS = 4, TYPE_STDIN = 5;

function record(int $type, string $content): string
{
    return pack('CCnnCC', 1, $type, 1, strlen($content), 0, 0) . $content;
}

function request(): string
{
    $variables = ['GATEWAY_INTERFACE' => 'FastCGI/1.0', 'REQUEST_METHOD' => 'POST', 'REQUEST_URI' => '',
        'SCRIPT_FILENAME' => '/srv/www/benchmark.php', 'REMOTE_ADDR' => '192.168.0.1', 'REMOTE_PORT' => '9985',
        'SERVER_ADDR' => '127.0.0.1', 'SERVER_PORT' => '80', 'SERVER_NAME' => 'localhost',
        'SERVER_PROTOCOL' => 'HTTP/1.1', 'CONTENT_TYPE' => 'application/x-www-form-urlencoded',
        'SERVER_SOFTWARE' => 'libfcgiproxy/0.1.0', 'CONTENT_LENGTH' => '12'];
    $pairs = '';
    foreach ($variables as $name => $value)
        $pairs .= chr(strlen($name)) . chr(strlen($value)) . $name . $value;
    return record(TYPE_BEGIN, "\0\1\1\0\0\0\0\0") . record(TYPE_PARAMS, $pairs) . record(TYPE_PARAMS, '')
        . record(TYPE_STDIN, 'field=value&') . record(TYPE_STDIN, '');
}

/* Bytes of the answer up to END_REQUEST. */
function answer_length($socket): int
{
    $length = 0;
    do {
        $header = unpack('Cversion/Ctype/nid/nlength/Cpadding', fread($socket, 8));
        $length += 8 + $header['length'] + $header['padding'];
        stream_get_contents($socket, $header['length'] + $header['padding']);
    } while ($header['type'] !== 3);
    return $length;
}

function cpu(): float
{
    $usage = getrusage();
    return ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) * 1e6
        + $usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec'];
}

[, $path, $inFlight, $milliseconds] = $argv;
$request = request();
$sockets = $received = [];
for ($i = 0; $i < (int)$inFlight; $i++) {
    $socket = stream_socket_client($path) or exit(1);
    fwrite($socket, $request);
    $length = answer_length($socket);
    stream_set_read_buffer($socket, 0);
    stream_set_blocking($socket, false);
    fwrite($socket, $request);
    $sockets[(int)$socket] = $socket;
    $received[(int)$socket] = 0;
}
$done = 0;
$start = hrtime(true);
$cpu = cpu();
$end = $start + (int)$milliseconds * 1000000;
while (hrtime(true) < $end) {
    $read = $sockets;
    $write = $except = null;
    stream_select($read, $write, $except, null);
    foreach ($read as $socket) {
        $received[(int)$socket] += strlen(fread($socket, 65536));
        if ($received[(int)$socket] < $length)
            continue;
        $received[(int)$socket] = 0;
        fwrite($socket, $request);
        $done++;
    }
}
$seconds = (hrtime(true) - $start) / 1e9;
printf("requests=%d seconds=%.4f rate=%.1f cpu_us=%.3f\n", $done, $seconds, $done / $seconds, (cpu() - $cpu) / $done);
