<?php declare(strict_types=1);
// The calls that the READMEs of the PHP packages show, by way of FastCGI.php:
//   php proxy.php tcp://127.0.0.1:9001 tcp://127.0.0.1:9002 unix:///run/php-fpm.sock
require __DIR__ . '/FastCGI.php';

use hollodotme\FastCGI\{ClusterProxy, Proxy};
use hollodotme\FastCGI\Collections\{Cluster, Random, RoundRobin};
use hollodotme\FastCGI\Interfaces\ProvidesResponseData;
use hollodotme\FastCGI\RequestContents\{JsonData, UrlEncodedFormData};
use hollodotme\FastCGI\Requests\{DeleteRequest, GetRequest, PatchRequest, PostRequest, PutRequest};
use hollodotme\FastCGI\SocketConnections\{NetworkSocket, UnixDomainSocket};

$scripts = getenv('FCGIP_SCRIPTS') ?: realpath('docker/scripts');
$connections = array_map(fn($address) => str_starts_with($address, 'unix://')
    ? new UnixDomainSocket(substr($address, 7))
    : new NetworkSocket(parse_url($address, PHP_URL_HOST), parse_url($address, PHP_URL_PORT), 5000, 5000), array_slice($argv, 1));

echo "== random, synchronous\n";
$random = new Random();
$random->add(...$connections);
$proxy = new Proxy($random);
$request = new PostRequest("$scripts/echo.php", new UrlEncodedFormData(['value' => 'random']));
for ($i = 0, $pools = []; $i < 60; $i++) {
    $pools[$proxy->sendRequest($request)->getHeaderLine('x-pool')] = true;
}
echo count($pools), " pools\n";

echo "== requests\n";
$roundRobin = new RoundRobin();
$roundRobin->add(...$connections);
$proxy = new Proxy($roundRobin);
foreach ([GetRequest::class, PostRequest::class, PutRequest::class, PatchRequest::class, DeleteRequest::class] as $class) {
    $request = new $class("$scripts/params.php", new JsonData(['key' => 'value']));
    $request->setServerName('example.test');
    $request->setRemotePort(1234);
    $request->setRequestUri('/params.php?key=value');
    $request->setCustomVar('MINE', 'yes');
    $request->addCustomVars(['YOURS' => 'no']);
    $params = json_decode($proxy->sendRequest($request)->getBody(), true);
    foreach (['REQUEST_METHOD', 'SERVER_NAME', 'REMOTE_PORT', 'QUERY_STRING', 'MINE', 'YOURS', 'CONTENT_TYPE', 'CONTENT_LENGTH'] as $name) {
        echo $params[$name], ' ';
    }
    echo $request->getServerName(), ' ', $request->getContentLength(), "\n";
}

echo "== asynchronous, in order\n";
$send = function (string $value, int $ms = 0) use ($proxy, $scripts): int {
    return $proxy->sendAsyncRequest(new PostRequest("$scripts/sleep.php", http_build_query(compact('value', 'ms'))));
};
echo $proxy->readResponse($send('one'), 3000)->getBody();
foreach ($proxy->readResponses(3000, $send('three', 150), $send('four', 1)) as $response) {
    echo $response->getBody();
}

echo "== asynchronous, as they come\n";
[$slow, $quick] = [$send('slow', 300), $send('quick', 1)];
while ($proxy->hasUnhandledResponses()) {
    foreach ($proxy->readReadyResponses(3000) as $response) {
        echo $response->getBody();
    }
}
$id = $send('ids');
while (!$proxy->hasResponse($id)) {
    usleep(1000);
}
echo $proxy->getRequestIdsHavingResponse() === [$id] ? $proxy->readResponse($id)->getBody() : "no response\n";

echo "== callbacks\n";
$onResponse = static function (ProvidesResponseData $response): void {
    echo $response->getBody();
};
$onFailure = static function (Throwable $throwable): void {
    echo get_class($throwable), ' ', $throwable->getCode(), "\n";
};
$request = new GetRequest("$scripts/progress.php");
$request->setRequestUri('/progress.php?pieces=3&ms=100');
$request->addPassThroughCallbacks(static function (string $output, string $error): void {
    echo preg_replace('/^.*\r\n/m', '', $output); // as it comes, without the header
});
$request->addResponseCallbacks($onResponse, static function (ProvidesResponseData $response): void {
    echo $response->getDuration() > 0.1 ? "some time\n" : "no time\n";
});
$proxy->waitForResponse($proxy->sendAsyncRequest($request), 3000);
$request = new PostRequest("$scripts/echo.php", 'value=handled');
$request->addResponseCallbacks($onResponse);
$request->addFailureCallbacks($onFailure);
$ids = [$proxy->sendAsyncRequest($request), $proxy->sendAsyncRequest($request)];
$proxy->handleResponses(3000, ...$ids);
$proxy->sendAsyncRequest($request);
while ($proxy->hasUnhandledResponses()) {
    $proxy->handleReadyResponses(3000);
}
$throwing = new GetRequest("$scripts/echo.php");
$throwing->addResponseCallbacks(static fn() => throw new LogicException('thrown by a callback'));
$proxy->sendAsyncRequest($throwing);
try {
    $proxy->waitForResponses(3000);
} catch (LogicException $e) {
    echo $e->getMessage(), "\n";
}

echo "== failures\n";
$nobody = RoundRobin::fromConnections(new UnixDomainSocket(__DIR__ . '/nobody.sock'));
$proxy = new Proxy($nobody);
$proxy->sendAsyncRequest($request);
$proxy->waitForResponses();
try {
    $proxy->sendRequest($request);
} catch (Throwable $throwable) {
    echo get_class($throwable), ' ', $throwable->getCode(), "\n";
}

echo "== cluster\n";
$cluster = Cluster::fromConnections(...$connections);
$clusterProxy = new ClusterProxy($cluster);
$clusterProxy->sendAsyncRequest(new PostRequest("$scripts/echo.php", 'value=all'));
foreach ($clusterProxy->readReadyResponses(3000) as $response) {
    $bodies[] = $response->getBody();
}
while ($clusterProxy->hasUnhandledResponses()) {
    foreach ($clusterProxy->readReadyResponses(3000) as $response) {
        $bodies[] = $response->getBody();
    }
}
sort($bodies);
echo implode('', $bodies);
foreach ($clusterProxy->getStatus('/status?full') as $i => $server) {
    echo $server->getStatus()->getPoolName(), ' ', $server->getConnection() === $connections[$i] ? 'here' : 'elsewhere', ' ',
        count($server->getProcesses()), ' processes of ', $server->getStatus()->getTotalProcesses(), ' ',
        $server->getStatus()->getStartTime()->format('Y') > 2000 ? 'in this century' : 'long ago', "\n";
}
