# Status pages of each version of php-fpm, pages made to mislead, and servers that fail; read with `.` after common.sh.
# Runs the script again beside servers with these pages, and sets their addresses.

# page NAME CONTENT-TYPE: of stdin.
page() {
  { printf 'Content-Type: %s\r\n\r\n' "$2" && cat; } >"$work/pages/$1"
}

# The text page, with all that php-fpm has said since the beginning.
text_page() {
  cat <<'TEXT'
pool:                 www
process manager:      dynamic
start time:           22/Nov/2026:17:38:55 +0000
start since:          58
accepted conn:        2
listen queue:         3
max listen queue:     4
listen queue len:     128
idle processes:       1
active processes:     1
total processes:      2
max active processes: 1
max children reached: 7
TEXT
}
text_worker() {
  cat <<TEXT

************************
pid:                  $1
state:                $2
start time:           22/Nov/2026:17:38:55 +0000
start since:          58
requests:             2
request duration:     1500000
request method:       GET
request URI:          /index.php?a=b
content length:       12
user:                 -
script:               /srv/index.php
last request cpu:     150.25
last request memory:  2097152
TEXT
}

# json_worker PID MEMBER...: those instead of the usual.
json_worker() {
  printf '{"pid":%s,"state":"Idle","start time":1795369135,"start since":58,"requests":3,"request duration":57,' "$1"
  printf '"request method":"GET","request uri":"%s","content length":0,"user":"%s","script":"-",' "${2:-/}" "${3:--}"
  printf '"last request cpu":0.00,"last request memory":0}'
}
json_page() {
  printf '{"pool":"%s","process manager":"static","start time":1795369135,"start since":58,"accepted conn":4,' "$1"
  printf '"listen queue":0,"max listen queue":0,"listen queue len":0,"idle processes":0,"active processes":2,'
  printf '"total processes":2,"max active processes":2,"max children reached":0,"slow requests":0,%s "processes":[%s]}' \
    "$2" "$3"
}
metrics_page() {
  cat <<'TEXT'
# HELP phpfpm_up Could pool www using a dynamic PM on PHP-FPM be reached?
# TYPE phpfpm_up gauge
phpfpm_up 1
# HELP phpfpm_start_since The number of seconds since FPM has started.
# TYPE phpfpm_start_since counter
phpfpm_start_since 58
# HELP phpfpm_accepted_connections The number of requests accepted by the pool.
# TYPE phpfpm_accepted_connections counter
phpfpm_accepted_connections 4
# HELP phpfpm_listen_queue The number of requests in the queue of pending connections.
# TYPE phpfpm_listen_queue gauge
phpfpm_listen_queue 0
# HELP phpfpm_max_listen_queue The maximum number of requests in the queue of pending connections since FPM has started.
# TYPE phpfpm_max_listen_queue counter
phpfpm_max_listen_queue 0
# TYPE phpfpm_listen_queue_length gauge
# HELP phpfpm_listen_queue_length The size of the socket queue of pending connections.
phpfpm_listen_queue_length 0
# HELP phpfpm_idle_processes The number of idle processes.
# TYPE phpfpm_idle_processes gauge
phpfpm_idle_processes 1
# HELP phpfpm_active_processes The number of active processes.
# TYPE phpfpm_active_processes gauge
phpfpm_active_processes 1
# HELP phpfpm_total_processes The number of idle + active processes.
# TYPE phpfpm_total_processes gauge
phpfpm_total_processes 2
# HELP phpfpm_max_active_processes The maximum number of active processes since FPM has started.
# TYPE phpfpm_max_active_processes counter
phpfpm_max_active_processes 1
# HELP phpfpm_max_children_reached The number of times, the process limit has been reached.
# TYPE phpfpm_max_children_reached counter
phpfpm_max_children_reached 0
# HELP phpfpm_slow_requests The number of requests that exceeded your 'request_slowlog_timeout' value.
# TYPE phpfpm_slow_requests counter
phpfpm_slow_requests 0
TEXT
}
make_pages() {
  mkdir "$work/pages"
  text_page | page p53 text/plain
  { text_page && printf 'slow requests:        5\n' && text_worker 11 'Getting request informations' &&
    text_worker 12 Running; } | page p56 text/plain
  text_page | grep -v 'listen queue' | page p_without_queue text/plain
  json_page www '' "$(json_worker 21),$(json_worker 22)" | page p80 application/json
  metrics_page | page p810 'application/openmetrics-text; version=1.0.0; charset=utf-8'
  { metrics_page && printf '# EOF\n'; } | page p813 'application/openmetrics-text; version=1.0.0; charset=utf-8'
  json_page www '"memory peak":2097152,' "$(json_worker 31)" | page p84 application/json
  json_page www '"reused processes":3,"client":"a \"b\"",' "$(json_worker 41)" | page fork application/json
  # Words that a terminal, JSON and metrics would each take for something else.
  json_page 'a\"b\\c\nd\u001b[31m\u009b\u202e\ufeff\u00fc{}' '' \
    "$(json_worker 51 '/\u001b]0;x\u0007?\"\\' '\u007f\n'),$(json_worker 51),$(json_worker 52)" |
    page hostile application/json
  { text_page | sed "s/www/\xff\xfe\xc0\xaf\xed\xa0\x80 ${esc}[2J/" && printf 'slow requests:        5\n' &&
    printf 'k\xffey:                \x9b1m\n'; } | page bytes text/plain
  json_page big '"memory peak":99999999999999999999999,' \
    "$(json_worker 61 / - | sed 's/"requests":3/"requests":18446744073709551616/; s/0\.00/99999999999.5/')" |
    page big application/json
  printf 'Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n%s[31m no status page' "$esc" >"$work/pages/nonsense"
  printf 'Status: 503 Busy\r\nContent-Type: text/plain\r\n\r\nServer busy. Please try again later.' \
    >"$work/pages/busy"
  printf 'Content-Type: text/plain\r\n\r\n%s[31mpo\0ng\xff\n' "$esc" >"$work/pages/ping"
  text_page | page cut text/plain
  : >"$work/pages/hang"
}
if [ -z "${PAGE_P53:-}" ]; then
  make_pages
  "$2" "$work/pages" "$0" "$@"
  exit $?
fi
good=("$PAGE_P53" "$PAGE_P56" "$PAGE_P_WITHOUT_QUEUE" "$PAGE_P80" "$PAGE_P810" "$PAGE_P813" "$PAGE_P84" "$PAGE_FORK")
hostile=("$PAGE_HOSTILE" "$PAGE_BYTES" "$PAGE_BIG")
bad=("$PAGE_NONSENSE" "$PAGE_BUSY" "$PAGE_CUT" "$PAGE_HANG" "$dead" "$gone")
