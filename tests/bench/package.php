<?php
/* The benchmark's work by the PHP packages hollodotme/fast-cgi-proxy and fast-cgi-client, or by what has their classes
 * (examples/ffi/FastCGI.php):
 *
 *   php package.php AUTOLOADER SOCKET IN_FLIGHT MILLISECONDS */
declare(strict_types=1);

use hollodotme\FastCGI\Collections\RoundRobin;
use hollodotme\FastCGI\Proxy;
use hollodotme\FastCGI\Requests\PostRequest;
use hollodotme\FastCGI\SocketConnections\UnixDomainSocket;

function cpu(): float
{
    $usage = getrusage();
    return ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) * 1e6
        + $usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec'];
}

[, $autoloader, $path, $inFlight, $milliseconds] = $argv;
require $autoloader;

$connection = new UnixDomainSocket($path);
if (method_exists(RoundRobin::class, 'fromConnections')) {
    $servers = RoundRobin::fromConnections($connection);
} else { // version 0.1
    $servers = new RoundRobin();
    $servers->add($connection);
}
$proxy = new Proxy($servers);
/* Version 4 of the client takes contents as objects. */
$form = 'hollodotme\FastCGI\RequestContents\UrlEncodedFormData';
$request = new PostRequest('/srv/www/benchmark.php', class_exists($form) ? new $form(['field' => 'values']) : 'field=values');

for ($i = 0; $i < (int)$inFlight; $i++)
    $proxy->sendAsyncRequest($request);
$done = 0;
$start = hrtime(true);
$cpu = cpu();
$end = $start + (int)$milliseconds * 1000000;
while (hrtime(true) < $end) {
    foreach ($proxy->readReadyResponses(1) as $response) {
        $done += (int)($response->getBody() !== '');
        $proxy->sendAsyncRequest($request);
    }
}
$seconds = (hrtime(true) - $start) / 1e9;
printf("requests=%d seconds=%.4f rate=%.1f cpu_us=%.3f\n", $done, $seconds, $done / $seconds,
    (cpu() - $cpu) / max($done, 1));
