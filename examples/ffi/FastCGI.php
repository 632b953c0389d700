<?php declare(strict_types=1);
// The way back home: the classes of the PHP packages hollodotme/fast-cgi-proxy and fast-cgi-client on top of
// libfcgiproxy, for the calls that their READMEs show. Take this file instead of their autoloader.
// FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed.
namespace hollodotme\FastCGI;

// An object of the library: getServerName() of a "request" is fcgip_request_server_name(), and so on.
class Handle {
    private static ?\FFI $library = null;
    public function __construct(private string $kind, public \FFI\CData $object, private ?Handle $owner = null) {}
    public function __destruct() { $this->owner ?? $this->do('free'); }
    public static function c(): \FFI {
        return self::$library ??= \FFI::cdef(file_get_contents(getenv('FCGIP_HEADER') ?: '/usr/include/fcgiproxy/ffi.h'),
            getenv('FCGIP_LIBRARY') ?: 'libfcgiproxy.so.0');
    }
    public static function check(int $result, ?string $text = null): int {
        return $result >= 0 ? $result : throw new \RuntimeException($text ?? self::c()->fcgip_strerror($result), $result);
    }
    public static function make(string $kind, string $constructor, mixed ...$arguments): \FFI\CData {
        self::check(self::c()->{"fcgip_$constructor"}(\FFI::addr($out = self::c()->new("fcgip_$kind *")), ...$arguments));
        return $out;
    }
    public function do(string $verb, mixed ...$arguments): mixed { return self::c()->{"fcgip_{$this->kind}_$verb"}($this->object, ...$arguments); }
    public function __call(string $name, array $arguments): mixed {
        $result = $this->do(strtolower(preg_replace(['/^get/', '/(?<!^)[A-Z]/'], ['', '_$0'], $name)), ...$arguments);
        return preg_match('/^(set|reset)/', $name) ? self::check($result) : $result;
    }
    public function bytes(string $verb): string { return \FFI::string($this->do($verb, \FFI::addr($length = self::c()->new('size_t'))), $length->cdata); }
}

class NetworkSocket extends Handle {
    public function __construct(string $host, int $port) { parent::__construct('endpoint', self::make('endpoint', 'endpoint_new_tcp', $host, $port, null)); }
    public function getSocketAddress(): string { return $this->do('address'); }
}
class UnixDomainSocket extends Handle {
    public function __construct(string $path) { parent::__construct('endpoint', self::make('endpoint', 'endpoint_new_unix', $path, null)); }
    public function getSocketAddress(): string { return $this->do('address'); }
}

abstract class Servers {
    public array $connections = [];
    public function add(Handle ...$connections): static { array_push($this->connections, ...$connections); return $this; }
    public static function fromConnections(Handle ...$connections): static { return (new static())->add(...$connections); }
    public function make(string $kind): \FFI\CData { // a proxy over them
        $endpoints = Handle::c()->new('fcgip_endpoint *[' . max(1, $count = count($this->connections)) . ']');
        foreach ($this->connections as $i => $connection) $endpoints[$i] = $connection->object;
        $collection = new Handle('collection', Handle::make('collection', static::POLICY . '_new', $endpoints, $count));
        return Handle::make($kind, "{$kind}_new", $collection->object, null);
    }
}
class Random extends Servers { const POLICY = 'random'; }
class RoundRobin extends Servers { const POLICY = 'round_robin'; }
class Cluster extends Servers { const POLICY = 'round_robin'; } // of a ClusterProxy, which sends to one after the other

class UrlEncodedFormData {
    public function __construct(private array $data) {}
    public function getContentType(): string { return 'application/x-www-form-urlencoded'; }
    public function getContent(): string { return http_build_query($this->data); }
}
class JsonData {
    public function __construct(private mixed $data) {}
    public function getContentType(): string { return 'application/json'; }
    public function getContent(): string { return json_encode($this->data, JSON_THROW_ON_ERROR); }
}

abstract class AbstractRequest extends Handle {
    public array $callbacks = [];
    public function __construct(string $script, string|object $content = '') {
        parent::__construct('request', self::make('request', 'request_new', strtoupper(preg_replace('/.*\\\\|Request$/', '', static::class)), $script));
        $this->setContent($content);
    }
    public function setContent(string|object $content): void {
        $bytes = is_string($content) ? $content : $content->getContent();
        self::check($this->do('set_content', $bytes, strlen($bytes)));
        if (is_object($content)) $this->setContentType($content->getContentType());
    }
    public function addCustomVars(array $vars): void { foreach ($vars as $name => $value) $this->setCustomVar($name, (string) $value); }
    public function addResponseCallbacks(callable ...$callbacks): void { foreach ($callbacks as $callback) $this->callbacks[] = [1, $callback]; }
    public function addFailureCallbacks(callable ...$callbacks): void { foreach ($callbacks as $callback) $this->callbacks[] = [0, $callback]; }
    public function addPassThroughCallbacks(callable ...$callbacks): void { // they must not throw; PHP keeps them until the script ends
        foreach ($callbacks as $callback) {
            self::check($this->do('add_pass_through_callback', function ($id, $output, $length, $error, $errorLength) use ($callback) {
                $callback(\FFI::string($output, $length), \FFI::string($error, $errorLength));
                return 0;
            }, null, null));
        }
    }
}
class GetRequest extends AbstractRequest {}
class PostRequest extends AbstractRequest {}
class PutRequest extends AbstractRequest {}
class PatchRequest extends AbstractRequest {}
class DeleteRequest extends AbstractRequest {}

class Response extends Handle {
    public function __construct(\FFI\CData $object) { parent::__construct('response', $object); }
    public function getBody(): string { return $this->bytes('body'); }
    public function getOutput(): string { return $this->bytes('output'); }
    public function getError(): string { return $this->bytes('stderr'); }
    public function getHeader(string $name): array { return array_change_key_case($this->getHeaders())[strtolower($name)] ?? []; }
    public function getHeaders(): array {
        $pair = self::c()->new('char *[2]');
        for ($i = 0, $all = []; $this->do('header_at', $i, \FFI::addr($pair[0]), \FFI::addr($pair[1])) === 0; $i++)
            $all[\FFI::string($pair[0])][] = \FFI::string($pair[1]);
        return $all;
    }
    public function orThrow(): self { self::check($this->do('error'), $this->do('error_text')); return $this; }
}

class Proxy extends Handle {
    private array $sent = []; // the requests by their ids
    public function __construct(Servers $servers) { parent::__construct('proxy', $servers->make('proxy')); }
    private function take(string $verb, mixed ...$arguments): ?Response { // null: nothing in time
        $result = $this->do($verb, ...[...$arguments, \FFI::addr($out = self::c()->new('fcgip_response *'))]);
        return \FFI::isNull($out) ? ($result === self::c()->FCGIP_EAGAIN || self::check($result) === 0 ? null : null) : new Response($out);
    }
    public function sendRequest(AbstractRequest $request): Response { return $this->take('send_request', $request->object)->orThrow(); }
    public function sendAsyncRequest(AbstractRequest $request): int {
        self::check($this->do('send_async_request', $request->object, \FFI::addr($id = self::c()->new('fcgip_request_id'))));
        $this->sent[$id->cdata] = clone_callbacks;
        return $id->cdata;
    }
}
