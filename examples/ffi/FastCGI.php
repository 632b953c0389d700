<?php declare(strict_types=1);
// The way back home: the classes of the PHP packages hollodotme/fast-cgi-client and fast-cgi-proxy on top
// of libfcgiproxy, for the calls that their READMEs show. `require` this file instead of their autoloader.
// FCGIP_LIBRARY and FCGIP_HEADER name the library and fcgiproxy/ffi.h where they are not installed.

namespace hollodotme\FastCGI\Interfaces {
    interface ComposesRequestContent { public function getContentType(): string; public function getContent(): string; }
    interface ProvidesRequestData {}
    interface ProvidesResponseData {}
}

namespace hollodotme\FastCGI\Exceptions {
    class FastCGIException extends \RuntimeException {}
    class ConnectException extends FastCGIException {}
    class TimedoutException extends FastCGIException {}
    class WriteFailedException extends FastCGIException {}
    class ReadFailedException extends FastCGIException {}
}

namespace hollodotme\FastCGI {
    use hollodotme\FastCGI\{Exceptions, Interfaces, Requests\AbstractRequest};

    // An object of the library: its methods are the functions of its kind. `readyNow()` is fcgip_<kind>_ready_now().
    class Handle {
        private static ?\FFI $library = null;
        public function __construct(private string $kind, public \FFI\CData $handle) {}
        public static function c(): \FFI {
            return self::$library ??= \FFI::cdef(file_get_contents(getenv('FCGIP_HEADER') ?: '/usr/include/fcgiproxy/ffi.h'),
                getenv('FCGIP_LIBRARY') ?: 'libfcgiproxy.so.0');
        }
        public static function check(int $result, string $text = ''): int {
            $class = [2 => 'Connect', 3 => 'Timedout'][intdiv(-$result, 100)] ?? 'FastCGI';
            $class = [-302 => 'WriteFailed', -303 => 'ReadFailed'][$result] ?? $class;
            return $result < 0 ? throw new ("hollodotme\\FastCGI\\Exceptions\\{$class}Exception")($text ?: self::c()->fcgip_strerror($result), $result) : $result;
        }
        public static function new(string $kind, callable $constructor): self {
            $out = self::c()->new("fcgip_$kind *");
            self::check($constructor(\FFI::addr($out)));
            return new self($kind, $out);
        }
        public function __call(string $name, array $arguments): mixed {
            return self::c()->{"fcgip_{$this->kind}_" . strtolower(preg_replace('/[A-Z]/', '_$0', $name))}($this->handle, ...$arguments);
        }
        public function __destruct() { $this->free(); }
    }
