<?php declare(strict_types=1);
// The way back home: the classes of the PHP packages hollodotme/fast-cgi-proxy and fast-cgi-client on top of
// libfcgiproxy, for the calls that their READMEs show. Take this file instead of their autoloader.
// FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed.
namespace hollodotme\FastCGI;

// An object of the library: getServerName() of a "request" is fcgip_request_server_name(), and so on.
class Handle {
    private static ?\FFI $library = null;
    protected static ?\Throwable $thrown = null; // by a callback: it has to wait until the library has returned
    public function __construct(private string $kind, public \FFI\CData $object, private ?Handle $owner = null) {}
    public function __destruct() { $this->owner ?? $this->do('free'); }
    public static function c(): \FFI {
        return self::$library ??= \FFI::cdef(file_get_contents(getenv('FCGIP_HEADER') ?: '/usr/include/fcgiproxy/ffi.h'),
            getenv('FCGIP_LIBRARY') ?: 'libfcgiproxy.so.0');
    }
    public static function check(int $result, ?string $text = null): int {
        [$thrown, self::$thrown] = [self::$thrown, null];
        $thrown ??= $result < 0 ? new \RuntimeException($text ?? self::c()->fcgip_strerror($result), $result) : null;
        return $thrown === null ? $result : throw $thrown;
    }
    public static function make(string $kind, string $constructor, mixed ...$arguments): \FFI\CData {
        self::check(self::c()->{"fcgip_$constructor"}(\FFI::addr($out = self::c()->new("fcgip_$kind *")), ...$arguments));
        return $out;
    }
    public function do(string $verb, mixed ...$arguments): mixed { return self::c()->{"fcgip_{$this->kind}_$verb"}($this->object, ...$arguments); }
    public function bytes(string $verb): string { return \FFI::string($this->do($verb, \FFI::addr($length = self::c()->new('size_t'))), $length->cdata); }
    public function __call(string $name, array $arguments): mixed {
        if (preg_match('/^(wait|handle)/', $name)) $arguments[str_ends_with($name, 'Response') ? 1 : 0] ??= -1; // the time to wait
        $result = $this->do(strtolower(preg_replace(['/^get(Socket)?/', '/(?<!^)[A-Z]/'], ['', '_$0'], $name)), ...$arguments);
        if (preg_match('/^(set|reset|wait|handle|has)/', $name)) self::check($result);
        return $name === 'getStartTime' ? new \DateTimeImmutable("@$result") : (str_starts_with($name, 'has') ? $result === 1 : $result);
    }
}
abstract class Connection extends Handle {
    public function __construct(string $kind, array $address, int $connectMs, int $readWriteMs) {
        $options = self::c()->new('fcgip_endpoint_options');
        [$options->struct_size, $options->connect_timeout_ms, $options->read_write_timeout_ms] = [\FFI::sizeof($options), $connectMs, $readWriteMs];
        parent::__construct('endpoint', self::make('endpoint', "endpoint_new_$kind", ...[...$address, \FFI::addr($options)]));
    }
}
class NetworkSocket extends Connection {
    public function __construct(string $host, int $port, int ...$ms) { parent::__construct('tcp', [$host, $port], ...$ms + [5000, 5000]); }
}
class UnixDomainSocket extends Connection {
    public function __construct(string $path, int ...$ms) { parent::__construct('unix', [$path], ...$ms + [5000, 5000]); }
}
abstract class Servers {
    public array $connections = [];
    public function add(Handle ...$connections): static { array_push($this->connections, ...$connections); return $this; }
    public static function fromConnections(Handle ...$connections): static { return (new static())->add(...$connections); }
    public function collection(): Handle {
        $endpoints = Handle::c()->new('fcgip_endpoint *[' . max(1, $count = count($this->connections)) . ']');
        foreach ($this->connections as $i => $connection) $endpoints[$i] = $connection->object;
        return new Handle('collection', Handle::make('collection', static::NEW, $endpoints, $count));
    }
}
class Random extends Servers { const NEW = 'random_new'; }
class RoundRobin extends Servers { const NEW = 'round_robin_new'; }
class Cluster extends Servers { const NEW = 'cluster_new'; }
class RequestContent { public function __construct(public string $type, public string $bytes) {} }
class UrlEncodedFormData extends RequestContent { public function __construct(array $data) { parent::__construct('application/x-www-form-urlencoded', http_build_query($data)); } }
class JsonData extends RequestContent { public function __construct(mixed $data) { parent::__construct('application/json', json_encode($data)); } }
abstract class AbstractRequest extends Handle {
    public function __construct(string $script, string|RequestContent $content = '') {
        parent::__construct('request', self::make('request', 'request_new', static::METHOD, $script));
        $this->setContent($content);
    }
    public function setContent(string|RequestContent $content): void {
        self::check($this->do('set_content', $content->bytes ?? $content, strlen($content->bytes ?? $content)));
        is_string($content) || $this->setContentType($content->type);
    }
    public function addCustomVars(array $vars): void { foreach ($vars as $name => $value) $this->setCustomVar($name, (string) $value); }
    public function addResponseCallbacks(callable ...$callbacks): void { $this->register('response', $callbacks, fn($r) => [Response::keep($r)]); }
    public function addFailureCallbacks(callable ...$callbacks): void { $this->register('failure', $callbacks, fn($r) => [Response::keep($r)->failure()]); }
    public function addPassThroughCallbacks(callable ...$callbacks): void { $this->register('pass_through', $callbacks, fn($id, $o, $n, $e, $m) => [\FFI::string($o, $n), \FFI::string($e, $m)]); }
    private function register(string $kind, array $callbacks, callable $convert): void { // PHP keeps the function until the script ends
        self::check($this->do("add_{$kind}_callback", function (...$arguments) use ($callbacks, $convert) {
            try { foreach ($callbacks as $callback) $callback(...$convert(...$arguments)); } catch (\Throwable $e) { self::$thrown ??= $e; }
            return 0;
        }, null, null));
    }
}
class GetRequest extends AbstractRequest { const METHOD = 'GET'; }
class PostRequest extends AbstractRequest { const METHOD = 'POST'; }
class PutRequest extends AbstractRequest { const METHOD = 'PUT'; }
class PatchRequest extends AbstractRequest { const METHOD = 'PATCH'; }
class DeleteRequest extends AbstractRequest { const METHOD = 'DELETE'; }
class Response extends Handle {
    public static function keep(\FFI\CData $object): self { return new self('response', self::c()->fcgip_response_ref($object)); }
    public function failure(): ?\Throwable { return $this->do('error') < 0 ? new \RuntimeException($this->do('error_text'), $this->do('error')) : null; }
    public function getBody(): string { return $this->bytes('body'); }
    public function getOutput(): string { return $this->bytes('output'); }
    public function getError(): string { return $this->bytes('stderr'); }
    public function getHeader(string $name): array { return array_change_key_case($this->getHeaders())[strtolower($name)] ?? []; }
    public function getHeaders(): array {
        for ([$n, $v, $i, $all] = [self::c()->new('char *'), self::c()->new('char *'), 0, []]; !$this->do('header_at', $i, \FFI::addr($n), \FFI::addr($v)); $i++)
            $all[\FFI::string($n)][] = \FFI::string($v);
        return $all;
    }
}
class Proxy extends Handle {
    public function __construct(protected Servers $servers, string $kind = 'proxy') {
        parent::__construct($kind, self::make($kind, "{$kind}_new", ($collection = $servers->collection())->object, null));
    }
    protected function read(string $verb, mixed ...$arguments): ?Response {
        $result = $this->do($verb, ...[...$arguments, \FFI::addr($out = self::c()->new('fcgip_response *'))]);
        $response = \FFI::isNull($out) ? null : new Response('response', $out);
        self::check($response?->do('error') ?? $result, $response?->do('error_text'));
        return $response;
    }
    public function sendRequest(AbstractRequest $request): Response { return $this->read('send_request', $request->object); }
    public function sendAsyncRequest(AbstractRequest $request): int {
        self::check($this->do('send_async_request', $request->object, \FFI::addr($id = self::c()->new('fcgip_request_id'))));
        return $id->cdata;
    }
    public function readResponse(int $id, ?int $timeoutMs = null): Response { return $this->read('read_response', $id, $timeoutMs ?? -1); }
    public function readResponses(?int $timeoutMs = null, int ...$ids): \Generator { foreach ($ids as $id) yield $this->readResponse($id, $timeoutMs); }
    public function readReadyResponses(?int $wait = null): \Generator { for (; $r = $this->read('next_response', $wait ?? 200); $wait = 0) yield $r; }
    public function handleResponses(?int $timeoutMs = null, int ...$ids): void { foreach ($ids as $id) $this->handleResponse($id, $timeoutMs); }
    public function getRequestIdsHavingResponse(): array {
        $count = min(256, $this->do('request_ids_having_response', $ids = self::c()->new('fcgip_request_id[256]'), 256));
        return array_map(fn($i) => $ids[$i], array_keys(array_fill(0, $count, 0)));
    }
}
class ClusterProxy extends Proxy {
    public function __construct(Cluster $servers) { parent::__construct($servers, 'cluster_proxy'); }
    public function sendAsyncRequest(AbstractRequest $request): int { return self::check($this->do('send_async_request', $request->object)); }
    public function getStatus(string $path): array {
        self::check($this->do('get_status', $path, 5000, \FFI::addr($out = self::c()->new('fcgip_status_list *'))));
        $list = new Handle('status_list', $out);
        return array_map(fn($i, $server) => new PhpFpmStatusResponse($list->do('at', $i), $list, $server), array_keys($all = $this->servers->connections), $all);
    }
}
class PhpFpmStatusResponse extends Handle {
    public function __construct(\FFI\CData $object, Handle $list, private Handle $connection) { parent::__construct('server_status', $object, $list); }
    public function getConnection(): Handle { return $this->connection; }
    public function getResponse(): Response { return new Response('response', $this->do('response'), $this); }
    public function getStatus(): Handle { return new Handle('php_fpm_status', $this->do('php_fpm') ?? self::check($this->do('error'), $this->do('error_text')), $this); }
    public function getProcesses(): array {
        for ($all = [], $i = 0; $process = $this->getStatus()->do('process', $i); $i++) $all[] = new Handle('php_fpm_process', $process, $this);
        return $all;
    }
}
foreach (['SocketConnections' => ['NetworkSocket', 'UnixDomainSocket'], 'Collections' => ['Random', 'RoundRobin', 'Cluster'],
    'RequestContents' => ['UrlEncodedFormData', 'JsonData'], 'Responses' => ['Response', 'PhpFpmStatusResponse'],
    'Requests' => ['AbstractRequest', 'GetRequest', 'PostRequest', 'PutRequest', 'PatchRequest', 'DeleteRequest']] as $space => $names)
    foreach ($names as $name) class_alias(__NAMESPACE__ . "\\$name", __NAMESPACE__ . "\\$space\\$name");
class_alias(Response::class, __NAMESPACE__ . '\Interfaces\ProvidesResponseData');
